// Tables of figures: sortable by a click or a key on the heading, each cell with its exact value.
import { el, type Child } from "./dom";

export interface Cell {
  text: string;
  value?: number | string | null; // what is sorted by, and the exact value; none sorts last
  tone?: "ok" | "rate-limited" | "failed" | "muted";
  node?: Child; // shown beside the text
}

export interface Column {
  title: string;
  text?: boolean; // aligned left; figures align right
  hint?: string;
}

function cell(column: Column | undefined, c: Cell, row: boolean): HTMLElement {
  const attributes: Record<string, string | number> = { class: [column?.text ? "text" : "figure", c.tone ?? ""].join(" ").trim() };
  if (c.value !== undefined && c.value !== null) attributes["data-value"] = c.value;
  if (typeof c.value === "number" && String(c.value) !== c.text) attributes["title"] = String(c.value);
  if (row) return el("th", { ...attributes, scope: "row" }, c.text, c.node ?? null);
  return el("td", attributes, c.text, c.node ?? null);
}

function compare(a: Cell | undefined, b: Cell | undefined): number {
  const x = a?.value ?? null;
  const y = b?.value ?? null;
  if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
  if (typeof x === "number" && typeof y === "number") return x - y;
  return String(x).localeCompare(String(y), undefined, { numeric: true });
}

// `pinned` rows stay at the end, whatever the order: sums.
export function table(caption: string, columns: Column[], rows: Cell[][], pinned: Cell[][] = []): HTMLElement {
  const body = el("tbody");
  const show = (order: Cell[][]) =>
    body.replaceChildren(
      ...[...order, ...pinned].map((row) => el("tr", {}, ...row.map((c, i) => cell(columns[i], c, i === 0)))),
    );
  const heads = columns.map((column, index) => {
    const head = el("th", { scope: "col", class: column.text ? "text" : "figure", ...(column.hint ? { title: column.hint } : {}) });
    if (rows.length < 2 || column.title === "") {
      head.textContent = column.title;
      return head;
    }
    const sort = () => {
      const descending = head.getAttribute("aria-sort") === (column.text ? "ascending" : "none") || !head.hasAttribute("aria-sort")
        ? !column.text
        : head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const sorted = [...rows].sort((a, b) => {
        const order = compare(a[index], b[index]);
        const none = (a[index]?.value ?? null) === null || (b[index]?.value ?? null) === null;
        return none ? order : descending ? -order : order;
      });
      show(sorted);
    };
    head.append(el("button", { type: "button", click: sort }, column.title));
    return head;
  });
  show(rows);
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...heads)), body),
  );
}
