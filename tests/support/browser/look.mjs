/** What is on the screen of the demo page, as a test wants to know it. */

/** Run in the page: of the bar, the panels, and the editor whatever its kind. */
export function look() {
  const byId = (id) => document.getElementById(id);
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const texts = (selector) => all(selector).map((element) => element.textContent);
  const shown = (id) => !byId(id).hidden;
  const root = byId("editor").shadowRoot;
  const lines = root ? all(".cm-line", root) : [];
  const labels = [...(root ? all(".cm-collab-cursor", root) : []), ...all(".ql-collab-caret")];

  /** Quill's lines as the parts of a document, read from what is drawn. */
  const rich = (editor) => {
    const parts = [];
    const add = (insert, attributes) => {
      const before = parts.at(-1);
      const same = JSON.stringify(before?.attributes ?? {}) === JSON.stringify(attributes);
      if (before && same) before.insert += insert;
      else parts.push(Object.keys(attributes).length ? { insert, attributes } : { insert });
    };
    const inline = { STRONG: "bold", EM: "italic", S: "strike", U: "underline" };
    const blocks = all(":scope > *", editor).flatMap((block) =>
      block.matches("ol, .ql-code-block-container") ? [...block.children] : [block],
    );
    for (const block of blocks) {
      const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest(".ql-ui")) continue;
        const formats = [];
        for (let above = node.parentElement; above !== block; above = above.parentElement) {
          if (above.tagName in inline) formats.push([inline[above.tagName], true]);
        }
        add(node.data.replaceAll("\ufeff", ""), Object.fromEntries(formats.sort()));
      }
      const line = {};
      if (block.dataset.list) line.list = block.dataset.list;
      if (/^H[12]$/.test(block.tagName)) line.header = Number(block.tagName[1]);
      if (block.tagName === "BLOCKQUOTE") line.blockquote = true;
      if (block.matches(".ql-code-block")) line["code-block"] = "plain";
      add("\n", line);
    }
    return parts;
  };

  const board = (element) => ({
    title: element.querySelector(".board-title").value,
    lists: all(".list", element).map((list) => ({
      name: list.querySelector(".list-name").value,
      cards: all(".item", list).map((card) => ({
        text: card.querySelector("textarea").value,
        done: card.querySelector("[type=checkbox]").checked,
        votes: Number(card.querySelector("[title='Vote for it']").textContent.slice(2)),
      })),
    })),
  });

  const person = (element) => [
    element.title || element.textContent,
    element.style.getPropertyValue("--face"),
  ];
  const slider = byId("history-slider");
  const { activeElement: focused } = document;
  const boardNow = document.querySelector("#editor .board");
  const past = byId("past");
  return {
    text: lines
      .map((line) => (line.querySelector(".cm-placeholder") ? "" : line.textContent))
      .join("\n"),
    rich: all("#editor .ql-editor").map(rich)[0] ?? null,
    board: boardNow && board(boardNow),
    writable: all("#editor :is(input, textarea, button)").filter(
      (field) => field.checkVisibility() && !field.disabled && !field.readOnly,
    ).length,
    state: byId("status").dataset.state,
    pending: Number(byId("status").dataset.pending ?? 0),
    status: byId("status-text").textContent,
    people: texts("#people-list .who"),
    cursors: Object.fromEntries(
      labels
        .filter((mark) => !mark.hidden)
        .map((mark) => [mark.textContent, Math.round(mark.getBoundingClientRect().left)]),
    ),
    selections:
      (root ? all(".cm-collab-selection", root) : []).length + all(".ql-collab-box").length,
    editable: (root?.querySelector(".cm-content") ?? document.querySelector(".ql-editor"))
      ?.contentEditable,
    canUndo: !byId("undo").disabled,
    kind: document.querySelector("[data-kind][aria-current]")?.dataset.kind ?? "",
    banner: shown("banner") ? byId("banner-text").textContent : "",
    kept: texts("#kept pre"),
    keptNotes: texts("#kept p"),
    keptButtons: all("#kept button:not(:disabled)").map((button) => button.textContent),
    toast: byId("toast").textContent,
    gate: shown("gate"),
    toCopy: document.querySelector("#copy-dialog[open] textarea")?.value ?? "",
    conflict: document.querySelector("#conflict[open]") && {
      mine: byId("conflict-mine").textContent,
      theirs: byId("conflict-theirs").textContent,
      who: byId("conflict-who").textContent,
      choices: all("#conflict [data-choice]:not([hidden])").map(({ dataset }) => dataset.choice),
    },
    history: shown("history") && {
      what: byId("history-what").textContent,
      range: [slider.min, slider.max, slider.value].map(Number),
      text: past.textContent,
      board: all(".board", past).map(board)[0] ?? null,
      passages: all(".by", past).map((passage) => [passage.textContent, ...person(passage)]),
      people: all("#history-authors li").map(person),
      versions: texts("#versions button"),
      mayRestore: !byId("history-restore").hidden,
    },
    focused: focused?.id || focused?.className || focused?.tagName,
    copied: globalThis.copied ?? "",
    heldEdits: globalThis.heldEdits?.() ?? 0,
    share: byId("share").getBoundingClientRect().width,
    statusCut: ((status) => status.scrollWidth > status.clientWidth)(byId("status-text")),
    overflow: document.querySelector(".bar").scrollWidth - innerWidth,
    ownName: byId("name").value,
    url: location.href,
  };
}

/** Run in the page before its own code: what it sends can be held back, as a slow network does. */
export function holdable() {
  const { send } = WebSocket.prototype;
  let held = null;
  WebSocket.prototype.send = function (data) {
    if (held) held.push([this, data]);
    else send.call(this, data);
  };
  globalThis.holdSending = (holds) => {
    const waiting = held ?? [];
    held = holds ? waiting : null;
    if (!holds) for (const [socket, data] of waiting) send.call(socket, data);
  };
  const isEdit = (data) => new TextDecoder().decode(data).includes("collab.session.edit");
  globalThis.heldEdits = () => (held ?? []).filter(([, data]) => isEdit(data)).length;
}
