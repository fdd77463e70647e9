/**
 * A real Chromium for tests in Python: reads commands as lines of JSON, answers each with a line.
 *
 * `{id, do, page?, …}` → `{id, value}` or `{id, error}`. Every page has a browser context of its
 * own, which is what another person's browser is.
 */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { holdable, look } from "./look.mjs";

// The packages are the browser client's; this file is not in its folder.
const resolver = createRequire(new URL("../../../web/package.json", import.meta.url));
const load = async (name) => (await import(pathToFileURL(resolver.resolve(name)))).default;
const chromium = await load("@sparticuz/chromium");
const puppeteer = await load("puppeteer-core");

const TIMEOUT_MS = 20_000;
const EDITOR = ">>> .cm-content";

const browser = await puppeteer.launch({
  executablePath: await chromium.executablePath(),
  headless: "shell",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});

const pages = new Map();
/** What pages complained of: uncaught exceptions, and errors on the console. */
const complaints = [];

const commands = {
  async open({
    page: name,
    url,
    identity,
    scheme = "light",
    width = 1200,
    height = 760,
    phone = false,
  }) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on("pageerror", (error) => complaints.push(`${name}: ${error.message}`));
    // "Leave the page?", which it asks where something is not saved.
    page.on("dialog", (dialog) => dialog.accept());
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(`${name}: ${message.text()}`);
    });
    const device = phone ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {};
    await page.setViewport({ width, height, ...device });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.evaluateOnNewDocument((kept) => {
      if (!localStorage.getItem("collab.identity")) localStorage.setItem("collab.identity", kept);
    }, JSON.stringify(identity));
    await page.evaluateOnNewDocument(holdable);
    pages.set(name, page);
    await page.goto(url);
  },
  async focus({ page, selector = EDITOR }) {
    await (await page.waitForSelector(selector)).focus();
  },
  async type({ page, text }) {
    await page.keyboard.type(text);
  },
  /** All of a text in one go, as input methods and dictation do. */
  async insert({ page, text }) {
    await page.keyboard.sendCharacter(text);
  },
  /** Keys like "Control+Home". */
  async press({ page, keys }) {
    for (const combination of keys) {
      const parts = combination.split("+");
      const last = parts.pop();
      for (const part of parts) await page.keyboard.down(part);
      await page.keyboard.press(last);
      for (const part of parts.reverse()) await page.keyboard.up(part);
    }
  },
  async paste({ page, text, selector = EDITOR }) {
    await page.$eval(
      selector,
      (editor, pasted) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", pasted);
        editor.dispatchEvent(
          new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }),
        );
      },
      text,
    );
  },
  /** Write into the page's text behind the editor's back, as input methods do. */
  async exchange({ page, before, after }) {
    await page.$eval(
      EDITOR,
      (editor, from, to) => {
        const texts = document.createTreeWalker(editor, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
          const { currentNode: node } = texts;
          if (node.data.includes(from)) node.data = node.data.replace(from, to);
        }
      },
      before,
      after,
    );
  },
  async click({ page, selector }) {
    await page.click(selector);
  },
  /** Move a slider. */
  async slide({ page, selector, value }) {
    await page.$eval(
      selector,
      (slider, to) => {
        slider.value = to;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
      },
      value,
    );
  },
  /** Where on the screen the first occurrence of a text ends, within an element; pixels. */
  async endOf({ page, selector, text }) {
    return page.$eval(
      selector,
      (element, wanted) => {
        const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const { currentNode: node } = walker;
          const at = node.data.indexOf(wanted);
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + wanted.length);
          const { right, top, bottom } = range.getBoundingClientRect();
          return { left: Math.round(right), middle: Math.round((top + bottom) / 2) };
        }
        return null;
      },
      text,
    );
  },
  /** Hold back what the page sends, or send all that was held back. */
  async hold({ page, holds }) {
    await page.evaluate((value) => globalThis.holdSending(value), holds);
  },
  async fill({ page, selector, text }) {
    await page.$eval(
      selector,
      (field, value) => {
        field.value = value;
        field.dispatchEvent(new Event("change", { bubbles: true }));
      },
      text,
    );
  },
  /** Let no page code reach the clipboard, as browsers do without https. */
  async denyClipboard({ page }) {
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("denied"));
    });
  },
  /** Let the page reach a clipboard that the test can look at. */
  async grantClipboard({ page }) {
    await page.evaluate(() => {
      navigator.clipboard.writeText = async (text) => (globalThis.copied = text);
    });
  },
  look: ({ page }) => page.evaluate(look),
  async offline({ page, offline }) {
    await page.setOfflineMode(offline);
  },
  /** A property of an element, once that is there; for pages that are not the demo's. */
  async read({ page, selector, property }) {
    const element = await page.waitForSelector(selector);
    return element.evaluate((found, name) => found[name], property);
  },
  async reload({ page }) {
    await page.reload();
  },
  async screenshot({ page, path, scheme, width, height }) {
    if (scheme) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    }
    if (width) await page.setViewport({ width, height });
    await page.screenshot({ path });
  },
  async close({ page, name }) {
    await page.browserContext().close();
    pages.delete(name);
  },
  complaints: () => complaints.splice(0),
};

async function answer({ id, do: name, page, ...args }) {
  try {
    const value = await commands[name]({ ...args, name: page, page: pages.get(page) ?? page });
    process.stdout.write(`${JSON.stringify({ id, value: value ?? null })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ id, error: String(error.stack ?? error) })}\n`);
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => answer(JSON.parse(line)));
lines.on("close", async () => {
  await browser.close();
  process.exit(0);
});
process.stdout.write(`${JSON.stringify({ id: 0, value: await browser.version() })}\n`);
