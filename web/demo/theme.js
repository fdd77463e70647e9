/* Runs before anything is drawn, so that the page does not flash in the other theme. */
const chosen = localStorage.getItem("collab.theme");
if (chosen) document.documentElement.dataset.theme = chosen;
