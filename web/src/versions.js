/**
 * What a document was, kept under names.
 *
 * @typedef {object} Version
 * @property {string} versionId
 * @property {string} name
 * @property {number} revision
 * @property {string} userId who saved it
 * @property {number} timeMs since 1970
 */

const SAVE = "collab.session.save_version";
const LIST = "collab.session.versions";
const RESTORE = "collab.session.restore";
const DELETE = "collab.session.delete_version";

/** @returns {Version} */
const versionOf = ({ version_id: versionId, name, revision, user_id: userId, time_ms: timeMs }) => ({
  versionId,
  name,
  revision,
  userId,
  timeMs,
});

/** @param {import("./session.js").Session} session */
export async function saveVersion(session, name, revision) {
  return versionOf(await session.call(SAVE, { name, revision }));
}

/** @param {import("./session.js").Session} session */
export async function versions(session) {
  const { versions: rows } = await session.call(LIST);
  return rows.map(versionOf);
}

/** @param {import("./session.js").Session} session */
export async function restore(session, { versionId, revision }) {
  return (await session.call(RESTORE, { version_id: versionId, revision })).revision;
}

/** @param {import("./session.js").Session} session */
export async function deleteVersion(session, versionId) {
  await session.call(DELETE, { version_id: versionId });
}
