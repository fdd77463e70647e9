/**
 * Patches as JSON text, in the form that both clients write and read.
 */

const FORMAT = "collab_wamp patches";
const VERSION = 1;
/** What is imported is looked at for its form alone; whether it fits is seen later. */
const ANY_LENGTH = { length: Infinity };

/** @param {{type: object, sessionId: string, epoch: string, revision: number, patches: any[]}} from */
export function written({ type, sessionId, epoch, revision, patches }) {
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    session_id: sessionId,
    type: type.name,
    epoch,
    revision,
    patches: patches.map(({ createdMs, unsure, ...patch }) => ({
      ...patch,
      created_ms: createdMs,
      ...(unsure && {
        unsure: {
          client_id: unsure.clientId,
          seq: unsure.seq,
          op: unsure.op,
          rest: unsure.rest,
        },
      }),
    })),
  });
}

/**
 * @param {object} type
 * @param {string} exported
 * @returns {{epoch: string, revision: number, patches: import("./patches.js").Patch[]}}
 * @throws {TypeError} where it is not what `written` writes, or of another type of document
 */
export function read(type, exported) {
  let whole;
  try {
    whole = JSON.parse(exported);
  } catch (error) {
    throw new TypeError(`These are no patches: ${error.message}`);
  }
  if (whole?.format !== FORMAT) throw new TypeError("These are no patches.");
  if (whole.version !== VERSION || whole.type !== type.name) {
    throw new TypeError(`Not patches of version ${VERSION} for a document of type ${type.name}.`);
  }
  const patches = whole.patches.map((row) => patchOf(type, row));
  return { epoch: String(whole.epoch), revision: Number(whole.revision), patches };
}

function patchOf(type, { created_ms: createdMs, unsure, op, reason, ...row }) {
  const checked = (part) => {
    const normal = type.normalize(part);
    // Of an eager type nothing more can be told without the document.
    if (!type.eager) type.check(normal, ANY_LENGTH);
    return normal;
  };
  return {
    id: String(row.id),
    name: String(row.name),
    op: op === null ? null : checked(op),
    revision: Number(row.revision),
    text: String(row.text),
    reason: { code: String(reason.code), message: String(reason.message) },
    createdMs: Number(createdMs),
    ...(unsure && {
      unsure: {
        clientId: String(unsure.client_id),
        seq: Number(unsure.seq),
        op: checked(unsure.op),
        rest: checked(unsure.rest),
      },
    }),
  };
}
