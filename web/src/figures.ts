// How figures are written for people: the same spelling as src/judge/result/figures.h.

const NONE = "–";

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function thousands(n: number): string {
  return grouped(Math.trunc(n).toString());
}

// As printf rounds: exact halves go to the even digit, where toFixed takes the larger.
function fixed(value: number, decimals: number): string {
  const scale = 10 ** decimals;
  const below = Math.floor(value * scale);
  if ((below + 0.5) / scale === value && below % 2 === 0) return (below / scale).toFixed(decimals);
  return value.toFixed(decimals);
}

// Fixed decimals and thousands separators.
export function number(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return "-";
  const [whole = "0", fraction] = fixed(Math.abs(value), decimals).split(".");
  const text = grouped(whole) + (fraction ? "." + fraction : "");
  return value < 0 && /[1-9]/.test(text) ? "-" + text : text;
}

// Decimals that show three significant digits of a time in ms. Rounding decides: 99.96 is shown as 100.
export function msDecimals(value: number): number {
  return value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
}

export function ms(value: number): string {
  return number(value, msDecimals(value));
}

export function percent(share: number, decimals = 2): string {
  return `${number(share * 100, decimals)} %`;
}

// "02:00", "1:02:03".
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => n.toString().padStart(2, "0");
  const h = Math.floor(whole / 3600);
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return h > 0 ? `${h}:${rest}` : rest;
}

export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? thousands(n) : number(n, n < 10 ? 1 : 0)} ${units[unit]}`;
}

export function plural(n: number, noun: string): string {
  return `${thousands(n)} ${noun}${n === 1 ? "" : "s"}`;
}

// A time of which there may be no sample.
export function msOrNone(value: number, count: number): string {
  return count === 0 ? NONE : ms(value);
}
