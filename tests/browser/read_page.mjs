// Opens a report page in Chromium and says what a reader sees there.
//   read_page.mjs PAGE [THEME] [PICTURE]   → JSON on stdout: tables, charts, errors, requests, and what clicks and keys did
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [page_file, theme = "light", picture] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"],
});
const downloads = mkdtempSync(join(tmpdir(), "report-page-"));
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: theme, acceptDownloads: true });
  const page = await context.newPage();
  const errors = [];
  const requests = [];
  page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => { errors.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  const url = pathToFileURL(page_file).href;
  page.on("request", (request) => { if (request.url() !== url && !request.url().startsWith("data:")) requests.push(request.url()); });

  const start = performance.now();
  await page.goto(url, { waitUntil: "load" });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))));
  const open_ms = performance.now() - start;

  const read = () => page.evaluate(() => {
    const text = (node) => (node?.textContent ?? "").trim();
    const cell = (c) => ({ text: text(c), value: c.dataset.value ?? null });
    return {
      title: document.title,
      badge: text(document.querySelector(".verdict .badge")),
      headings: [...document.querySelectorAll("h1, h2")].map(text),
      headlines: [...document.querySelectorAll(".headline-text")].map(text),
      empty: [...document.querySelectorAll(".empty")].map(text),
      tables: [...document.querySelectorAll("table")].map((t) => ({
        section: t.closest("section")?.id ?? "",
        caption: text(t.querySelector("caption")),
        heads: [...t.querySelectorAll("thead th")].map(text),
        rows: [...t.querySelectorAll("tbody tr")].map((r) => [...r.children].map(cell)),
      })),
      // A chart that was drawn has several colours; a canvas nobody drew on has one.
      charts: [...document.querySelectorAll(".chart")].map((figure) => {
        const canvas = figure.querySelector("canvas");
        const colours = new Set();
        if (canvas && canvas.width > 0) {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
        }
        return { title: text(figure.querySelector("figcaption")), canvas: canvas !== null, colours: colours.size,
                 right: figure.getBoundingClientRect().right };
      }),
      // Wider than the window only inside of what scrolls.
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      dead_links: [...document.querySelectorAll('a[href^="#"]')].filter((a) => !document.getElementById(a.getAttribute("href").slice(1))).length,
      markup: document.querySelectorAll("main img, main script, main iframe").length,
      unnamed: [...document.querySelectorAll("button, select, a, [role=region], [role=img]")]
        .filter((e) => !(e.getAttribute("aria-label") ?? "") && !text(e) && !e.labels?.length).length,
    };
  });
  const seen = await read();

  const did = {};
  // Sorting by the keyboard: the first sortable figure of the table of tasks.
  const sorter = page.locator("section[id$=tasks] thead th.figure button").first();
  if (await sorter.count()) {
    const values = () => page.evaluate(() => [...document.querySelectorAll("section[id$=tasks] table tbody tr")].map((r) => Number(r.children[1].dataset.value)));
    await sorter.focus();
    await page.keyboard.press("Enter");
    did.descending = await values();
    await page.keyboard.press("Enter");
    did.ascending = await values();
  }
  // Zooming into one chart zooms the others.
  const plots = page.locator("section[id$=timeline] .u-over");
  if ((await plots.count()) > 1) {
    const axes = () => page.evaluate(() => [...document.querySelectorAll("section[id$=timeline] canvas")].map((c) => c.toDataURL().length));
    const before = await axes();
    await plots.first().scrollIntoViewIfNeeded();
    const box = await plots.first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 20, { steps: 5 });
    await page.mouse.up();
    const zoomed = await axes();
    did.zoomed = before.map((size, i) => size !== zoomed[i]);
    did.legend = await page.locator("section[id$=timeline] .u-legend").first().innerText();
  }
  const button = page.getByRole("button", { name: "download JSON" });
  if (await button.count()) {
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    const saved = join(downloads, "metrics.json");
    await download.saveAs(saved);
    did.download = { name: download.suggestedFilename(), text: readFileSync(saved, "utf8") };
  }
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  did.background = [await background()];
  await page.getByRole("button", { name: "light / dark" }).click();
  did.background.push(await background());
  did.redrawn = (await read()).charts.map((c) => c.colours);
  await page.getByRole("button", { name: "light / dark" }).click();
  await page.setViewportSize({ width: 420, height: 800 });
  await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 50)));
  did.narrow_overflow = (await read()).overflow;
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 50)));
  if (picture) await page.screenshot({ path: picture, fullPage: true });
  process.stdout.write(JSON.stringify({ ...seen, did, errors, requests, open_ms }));
} finally {
  await browser.close();
  rmSync(downloads, { recursive: true, force: true });
}
