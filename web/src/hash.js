/**
 * The hash by which contents are compared: SHA-256 of the canonical JSON text (RFC 8785), UTF-8, hex.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import canonicalize from "canonicalize";

/**
 * @param {any} content
 * @param {SubtleCrypto | undefined} [subtle] the platform's; it has none on pages that came neither
 *   over https nor from this machine
 * @returns {Promise<string>}
 * @throws where JSON has no such value
 */
export async function hashOf(content, subtle = globalThis.crypto?.subtle) {
  const bytes = new TextEncoder().encode(canonicalize(content));
  const digest = subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256(bytes);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
