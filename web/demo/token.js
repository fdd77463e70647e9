/**
 * The token of this tab: from the address, from an earlier load, or from another tab.
 *
 * It lives in sessionStorage, so it goes when the tab does, and never stays in the address bar.
 */

const KEY = "collab.token";
const ASK_MS = 250;

const channel = new BroadcastChannel("collab.token");
channel.onmessage = ({ data }) => {
  const token = sessionStorage.getItem(KEY);
  if (data === "who has a token?" && token) channel.postMessage({ token });
};

/**
 * @param {boolean} askOthers whether another tab's token will do
 * @returns {Promise<string | null>}
 */
export async function findToken(askOthers) {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given) {
    keepToken(given);
    fragment.delete("token");
    const rest = fragment.toString();
    history.replaceState(null, "", location.pathname + location.search + (rest && `#${rest}`));
  }
  return sessionStorage.getItem(KEY) ?? (askOthers ? await askOtherTabs() : null);
}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

/** A second tab of the same browser is let in by the first. */
function askOtherTabs() {
  return new Promise((resolve) => {
    const done = (token) => {
      channel.removeEventListener("message", heard);
      clearTimeout(timer);
      if (token) keepToken(token);
      resolve(token);
    };
    const heard = ({ data }) => data.token && done(data.token);
    const timer = setTimeout(() => done(null), ASK_MS);
    channel.addEventListener("message", heard);
    channel.postMessage("who has a token?");
  });
}
