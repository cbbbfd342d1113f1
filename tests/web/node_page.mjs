// Looks at a running node's own page as its owner would.
//   node node_page.mjs BASE TOOLS SCREENSHOTS
// Exit 0, or 1 with every complaint on a line.
import fs from "node:fs";
import { createRequire } from "node:module";

const [base, tools, shots] = process.argv.slice(2);
const require = createRequire(`${tools}/`);
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(fs.existsSync);

const complaints = [];
const check = (holds, what) => { if (!holds) { complaints.push(what); console.log(`WRONG: ${what}`); } };

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
for (const colorScheme of ["light", "dark"]) {
  const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (message) => check(message.type() !== "error", `console: ${message.text()}`));
  page.on("request", (request) => check(request.url().startsWith(base), `outside request: ${request.url()}`));
  await page.goto(`${base}/`);
  for (const width of [390, 768, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check(wider <= 0, `at ${width} px it is ${wider} px too wide`);
    await page.screenshot({ path: `${shots}/node-${width}-${colorScheme}.png`, fullPage: true });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const { id, help, nodes } of violations)
      check(false, `axe: ${width} px, ${colorScheme}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  }
  check(await page.locator(".windows li").count() === 6, "today has six windows");
  const windows = await page.locator(".windows .what").allTextContents();
  check(windows.some((text) => text.includes("roll call passed")), `a window says its state in words: ${windows}`);
  check(windows.every((text) => /roll call (passed|failed)|void|under way|to come|no verdict was told|before this start/.test(text)), `each does: ${windows}`);
  check(windows.filter((text) => text.includes("under way")).length <= 1, `at most one is under way: ${windows}`);
  check((await page.textContent("main")).includes("What must run beside it"), "workloads are shown");
  check(/engine.*failing/s.test(await page.textContent('table:has(caption:text-is("What must run beside the node"))')), "with their state");
  check(await page.evaluate(() => getComputedStyle(document.querySelector("section")).borderRadius) !== "0px", "the sheet is used");
  await context.close();
}
await browser.close();
console.log(complaints.length === 0 ? "nothing to complain about" : `${complaints.length} complaints`);
process.exit(complaints.length === 0 ? 0 : 1);
