/**
 * What can go wrong, and what a client does about it.
 */

const PREFIX = "collab.error.";

/** Errors of the router, and of this side of the wire, under codes of their own. */
const ROUTER_CODES = {
  "wamp.error.canceled": "canceled",
  "wamp.error.no_such_procedure": "unavailable",
  "wamp.error.no_available_callee": "unavailable",
  "wamp.error.not_authorized": "denied",
};

/**
 * An error of the server (the codes of PROTOCOL.md), of the router (`canceled`, `unavailable`,
 * `router_error`), of the connection (`timeout`, `disconnected`), or about the session here (`left`:
 * it was closed; `fenced`: another connection goes on with its client id; `diverged`: it was not what
 * the server has; `wrong_type`).
 */
export class CollabError extends Error {
  /**
   * @param {string} code
   * @param {string} message for people
   * @param {{retryable?: boolean, retry_after_ms?: number} & Record<string, unknown>} [details]
   */
  constructor(code, message, details = {}) {
    super(message || code);
    this.name = "CollabError";
    this.code = code;
    this.details = details;
  }

  /** Whether the same request may succeed a moment later. */
  get retryable() {
    return this.details.retryable === true;
  }

  /** How long to wait before that, milliseconds; undefined where the server did not say. */
  get retryAfterMs() {
    return this.details.retry_after_ms;
  }

  /**
   * @param {string} uri of the WAMP ERROR or ABORT
   * @param {unknown[]} [args]
   * @param {Record<string, unknown>} [kwargs]
   */
  static fromWamp(uri, args = [], kwargs = {}) {
    const code = uri.startsWith(PREFIX)
      ? uri.slice(PREFIX.length)
      : (ROUTER_CODES[uri] ?? "router_error");
    return new CollabError(code, typeof args[0] === "string" ? args[0] : uri, { ...kwargs, uri });
  }
}

/**
 * What to do about an error.
 *
 * - `again`: the same request a moment later; its outcome is unknown, or nothing happened
 * - `reconnect`: the connection is no good
 * - `join`: this connection is not a participant any more
 * - `snapshot`: what is known here does not continue to where the server is
 * - `token`: this token will not do
 * - `end`: the session is over for this client
 * - `refuse`: the request is wrong and stays wrong
 *
 * @param {unknown} error
 */
export function reactionTo(error) {
  if (!(error instanceof CollabError)) return "refuse";
  switch (error.code) {
    case "timeout":
    case "disconnected":
    case "draining":
      return "reconnect";
    case "canceled":
    case "unavailable":
    case "internal":
    case "router_error":
      return "again";
    case "not_joined":
    case "base_too_old":
      return "join";
    case "stale_epoch":
    case "base_ahead":
    case "seq_gap":
    case "seq_reused":
    case "diverged":
      return "snapshot";
    case "token_invalid":
    case "token_expired":
    case "token_revoked":
      return "token";
    case "no_such_session":
    case "bad_session_id":
    case "fenced":
    case "left":
      return "end";
    default:
      return error.retryable ? "again" : "refuse";
  }
}
