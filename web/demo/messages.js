/** What the page has to tell: a line that goes by itself, and one that waits to be read. */

const toast = document.getElementById("toast");
const banner = document.getElementById("banner");
const copyButton = document.getElementById("banner-copy");
const copyDialog = document.getElementById("copy-dialog");
const copyText = document.getElementById("copy-text");

const SHOWN_MS = 4000;
let timer = null;
let kept = "";

/** @param {string} message */
export function tell(message) {
  toast.textContent = message;
  toast.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("shown"), SHOWN_MS);
}

/**
 * @param {string} message
 * @param {string} [lost] text that is no longer in the document, to be copied
 */
export function warn(message, lost = "") {
  kept += lost;
  document.getElementById("banner-text").textContent = message;
  copyButton.hidden = !kept;
  banner.hidden = false;
}

/** @param {string} text @param {string} said where it worked */
export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    tell(said);
  } catch {
    // The browser does not let the page copy: the user can.
    copyText.value = text;
    copyDialog.showModal();
    copyText.select();
  }
}

copyButton.addEventListener("click", () => copy(kept, "Copied."));
document.getElementById("copy-close").addEventListener("click", () => copyDialog.close());
document.getElementById("banner-close").addEventListener("click", () => {
  banner.hidden = true;
  kept = "";
});
