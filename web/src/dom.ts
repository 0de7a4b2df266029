// Elements with text, never markup: names and messages come from files and targets.

export type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | ((event: Event) => void)>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag: string, attributes: Record<string, string | number> = {}, ...children: Node[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

// A section of the page with a heading; `id` is where links go.
export function section(id: string, title: string, ...children: Child[]): HTMLElement {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...children);
}

// What measures its place or reads colours is drawn once it stands in the page, and again after either changed.
const redraws: (() => void)[] = [];
export function onRedraw(draw: () => void): void {
  redraws.push(draw);
  requestAnimationFrame(draw);
}
export function redrawAll(): void {
  for (const draw of redraws) draw();
}

export function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Puts text on the clipboard and says so in the button for a moment.
export async function copy(button: HTMLButtonElement, text: string): Promise<void> {
  const before = button.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  } catch {
    // Pages opened as a file may have no clipboard: the old way still works there.
    const area = el("textarea", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    button.textContent = document.execCommand("copy") ? "copied" : "could not copy";
    area.remove();
  }
  setTimeout(() => (button.textContent = before), 1500);
}
