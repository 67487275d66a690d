// In a list: arrow keys go from row to row by their first link; Space ticks the row.
document.addEventListener("keydown", (event) => {
  const row = document.activeElement?.closest?.(".data tbody tr");
  if (!row || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
  const target = next?.querySelector(document.activeElement.matches("input") ? "input" : "a");
  if (!target) return;
  event.preventDefault();
  target.focus();
});
