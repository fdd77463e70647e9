/**
 * A real Chromium for tests in Python: reads commands as lines of JSON, answers each with a line.
 *
 * `{id, do, page?, …}` → `{id, value}` or `{id, error}`. Every page has a browser context of its
 * own, which is what another person's browser is.
 */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

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

/** Run in the page: what is on the screen, as a test wants to know it. */
const look = () => {
  const root = document.querySelector("#editor").shadowRoot;
  const lines = [...(root?.querySelectorAll(".cm-line") ?? [])];
  const marks = [...(root?.querySelectorAll(".cm-collab-cursor") ?? [])];
  const shown = (id) => !document.getElementById(id).hidden;
  return {
    text: lines
      .map((line) => (line.querySelector(".cm-placeholder") ? "" : line.textContent))
      .join("\n"),
    state: document.querySelector("#status").dataset.state,
    pending: Number(document.querySelector("#status").dataset.pending ?? 0),
    status: document.querySelector("#status-text").textContent,
    people: [...document.querySelectorAll("#people-list .who")].map((who) => who.textContent),
    cursors: Object.fromEntries(
      marks.map((mark) => [mark.textContent, Math.round(mark.getBoundingClientRect().left)]),
    ),
    selections: root?.querySelectorAll(".cm-collab-selection").length ?? 0,
    editable: root?.querySelector(".cm-content")?.contentEditable ?? "",
    banner: shown("banner") ? document.querySelector("#banner-text").textContent : "",
    kept: [...document.querySelectorAll("#kept pre")].map((kept) => kept.textContent),
    toast: document.querySelector("#toast").textContent,
    gate: shown("gate"),
    toCopy: document.querySelector("dialog[open] textarea")?.value ?? "",
    share: document.querySelector("#share").getBoundingClientRect().width,
    statusCut: ((status) => status.scrollWidth > status.clientWidth)(
      document.querySelector("#status-text"),
    ),
    overflow: document.querySelector(".bar").scrollWidth - innerWidth,
    ownName: document.querySelector("#name").value,
    url: location.href,
  };
};

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
    pages.set(name, page);
    await page.goto(url);
  },
  async focus({ page }) {
    await (await page.waitForSelector(EDITOR)).focus();
  },
  async type({ page, text }) {
    await page.keyboard.type(text);
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
  async paste({ page, text }) {
    await page.$eval(
      EDITOR,
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
  look: ({ page }) => page.evaluate(look),
  async offline({ page, offline }) {
    await page.setOfflineMode(offline);
  },
  async reload({ page }) {
    await page.reload();
  },
  async screenshot({ page, path }) {
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
