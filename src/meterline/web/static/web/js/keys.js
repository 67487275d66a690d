// Single keys, which the look menu turns off: ? help, / the filter, g then a letter a section.
import { openDrawer } from "./drawer.js";

let waiting = false;

document.addEventListener("keydown", (event) => {
  if (document.documentElement.dataset.keys === "off") return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
  const go = waiting && document.querySelector(`.rail [data-key="${CSS.escape(event.key)}"]`);
  waiting = event.key === "g";
  const help = document.querySelector("[data-help]");
  const search = document.querySelector(".search-box input");
  if (go) location.assign(go.href);
  else if (event.key === "?" && help) openDrawer(help.href);
  else if (event.key === "/" && search) search.focus();
  else return;
  event.preventDefault();
});
