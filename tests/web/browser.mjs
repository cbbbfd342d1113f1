// Drives the pages of a running demo as an owner and as an operator would.
//   node browser.mjs BASE TOOLS SCREENSHOTS DEVICE
// BASE: http://127.0.0.1:PORT; TOOLS: has node_modules with playwright-core and axe-core;
// DEVICE: one with a missed check. Exit 0, or 1 with every complaint on a line.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const [base, tools, shots, device] = process.argv.slice(2);
const require = createRequire(`${tools}/`);
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(fs.existsSync);

const complaints = [];
const complain = (what) => { complaints.push(what); console.log(`WRONG: ${what}`); };
const check = (holds, what) => { if (!holds) complain(what); };

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });

async function open(options, work) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (message) => { if (message.type() === "error") complain(`console of ${page.url()}: ${message.text()}`); });
  page.on("pageerror", (error) => complain(`script of ${page.url()}: ${error.message}`));
  page.on("request", (request) => { if (!request.url().startsWith(base)) complain(`outside request: ${request.url()}`); });
  try { await work(page); } finally { await context.close(); }
}

const addresses = { network: "/", policy: "/policy", providers: "/providers", log: "/log", fleet_check: "/checks", device: `/devices/${device}` };

await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
  console.log("an owner finds the device, today's windows, and why a check was missed");
  await page.goto(`${base}/`);
  await page.fill("header input[name=q]", device.slice(0, 12));
  await page.press("header input[name=q]", "Enter");
  await page.click("#list tbody tr a");
  addresses.provider = new URL(page.url()).pathname;
  await page.click(`a[href="/devices/${device}"]`);
  check(await page.locator("#windows li").count() === 6, "the device's page has six windows");
  check(/complete|incomplete|under way/.test(await page.textContent("#windows")), "a window says its state in words");
  check(/window 1 of 6/.test(await page.textContent("#credit pre")), "today's credit is explained line by line");
  await page.click('#checks a:text-is("missed") >> nth=0');
  addresses.check = page.url().slice(base.length);
  check((await page.textContent("h1")).includes("missed"), "the check's page says missed");
  const why = await page.textContent("#why");
  check(why.includes("no answer came"), `the check's page says why: ${why}`);
  check((await page.textContent("#verify")).includes("vigil-verifier audit"), "it says how to verify");
  check((await page.textContent("#receipt")).includes("no answer was recorded"), "a missed check has no receipt");
  check((await page.textContent("#sent")).includes("Nothing was sent"), "nor nonces");
});

await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
  console.log("an owner holds the receipt of an answer, and sees how everybody answered");
  await page.goto(`${base}/providers?q=cpu`);
  await page.click('#list tbody th a:text-is("cpu")');
  await page.click('a[href^="/devices/"]');
  check((await page.textContent("#told")).includes("[[notify]]"), "the device's page says how to be told");
  await page.waitForFunction(() => document.querySelector("#told img").naturalWidth > 60);
  await page.click('#checks a:text-is("passed") >> nth=0');
  addresses.passed = page.url().slice(base.length);
  const heading = await page.textContent("h1");
  await page.click("#sent summary");
  const lines = (await page.textContent("#sent pre")).trim().split("\n");
  check(lines.every((line) => /^ *\d+ [0-9a-f]{64}( {2}the largest)?$/.test(line)), `nonces and hashes: ${lines[0]}`);
  const k = await page.textContent('#values tr:has(th:text-is("k")) .n');
  check(String(lines.length) === k, `all of them: ${lines.length} of ${k}`);
  // What the page tells people to type, typed.
  const place = fs.mkdtempSync(path.join(os.tmpdir(), "vigil-receipt-"));
  const typed = spawnSync("sh", ["-euc", await page.textContent("#receipt pre")], { cwd: place, encoding: "utf8" });
  fs.rmSync(place, { recursive: true });
  check(typed.stdout.includes("Signature Verified Successfully"), `its commands verify the receipt: ${typed.stdout}${typed.stderr}`);
  await page.goto(base + addresses.passed.split("?")[0]);
  check(await page.textContent("h1") === heading, "the challenge alone finds the check");
  await page.goto(`${base}/`);
  check(/eu-west/.test(await page.textContent("#regions")), "regions are told apart");
  await page.click('#roll-call a:text-is("every device")');
  check(/roll call of slot \d+/.test(await page.textContent("h1")), "the network's page leads to who answered");
  check(await page.locator("#answers tbody tr").count() >= 4, "every device is listed");
  await page.click('#call a:text-is("← Before")');
  check(/hourly check|roll call/.test(await page.textContent("h1")), "and to the check before it");
});

await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
  console.log("an operator filters and sorts");
  await page.goto(`${base}/providers`);
  const all = await page.locator("#list tbody tr").count();
  check(all >= 4, `the demo's providers are listed, ${all}`);
  // Which state has how many depends on the moment, but each is in one, and one may change meanwhile.
  let listed = 0;
  for (const state of ["online", "suspect", "offline", "waiting"]) {
    await page.selectOption("select[name=state]", state);
    await page.fill("input[name=pass]", "");
    await page.click(".filters button");
    await page.waitForURL(new RegExp(`state=${state}`));
    const states = await page.locator('#list td[data-label="State"]').allTextContents();
    check(states.every((text) => text.includes(state)), `only ${state} ones: ${states}`);
    listed += states.length;
  }
  check(Math.abs(listed - all) <= 1, `the states share ${all} out: ${listed}`);
  await page.goto(`${base}/providers?q=flaky`);
  check(await page.locator("#list tbody tr").count() === 1, "the search finds one by its name");
  await page.click('th a:text-is("Hash rate")');
  await page.waitForURL(/sort=rate/);
  check(await page.locator("th[aria-sort]").count() === 1, "one column says how it is sorted");
  await page.goto(`${base}/providers?q=nobody-at-all`);
  check((await page.textContent("#list")).includes("No provider is like this"), "an empty result says so");
});

await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
  console.log("open pages follow by themselves");
  await page.goto(`${base}/`);
  await page.waitForSelector(".age.live");
  const before = await page.getAttribute("body", "data-version");
  await page.waitForFunction((old) => document.body.dataset.version !== old, before, { timeout: 60000 });
  // A young network has no two numbers to draw a line between; it is drawn after they have come.
  await page.waitForFunction(() => document.querySelectorAll("figure[data-chart] tr[data-at]").length >= 2, null, { timeout: 90000 })
    .catch(() => check(false, "a chart gets its numbers"));
  const one = await page.waitForFunction(() => document.querySelectorAll(".uplot canvas").length === 1, null, { timeout: 10000 })
    .catch(() => null);
  check(one !== null, "there is one chart after sections were renewed");
});

await open({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false }, async (page) => {
  console.log("the numbers are there without scripts");
  await page.goto(`${base}/`);
  check(/\d ± \d.* [kMG]?H\/s/.test(await page.textContent(".big")), "the network's rate is there");
  await page.goto(`${base}/devices/${device}`);
  check((await page.textContent("#verdict")).includes("Windows today"), "the device's numbers are there");
});

// Contrast is of the theme, crowding of the width: each theme is asked about once.
const asked = { light: 390, dark: 1280 };
for (const colorScheme of ["light", "dark"])
  await open({ viewport: { width: 1280, height: 900 }, colorScheme, reducedMotion: "reduce" }, async (page) => {
    for (const [name, address] of Object.entries(addresses)) {
      console.log(`${name}, ${colorScheme}`);
      await page.goto(base + address);
      for (const width of [390, 768, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        await page.waitForTimeout(300);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        check(wider <= 0, `${name} at ${width} px is ${wider} px too wide`);
        await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png` });
        if (width !== asked[colorScheme]) continue;
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run());
        for (const { id, help, nodes } of violations)
          complain(`axe: ${name}, ${width} px, ${colorScheme}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
      }
    }
  });

await browser.close();
console.log(complaints.length === 0 ? "nothing to complain about" : `${complaints.length} complaints`);
process.exit(complaints.length === 0 ? 0 : 1);
