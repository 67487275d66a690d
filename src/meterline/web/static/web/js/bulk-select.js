// Ticks of a list: all of the page, a range with Shift, and how many are chosen.
class BulkSelect extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const boxes = this.boxes();
      if (event.target.matches("[data-picks-all]")) {
        for (const box of boxes) box.checked = event.target.checked;
      } else if (event.target.name === "row") {
        const at = boxes.indexOf(event.target);
        if (event.shiftKey && this.last !== undefined) {
          const [from, to] = [Math.min(at, this.last), Math.max(at, this.last)];
          for (let i = from; i <= to; i++) boxes[i].checked = event.target.checked;
        }
        this.last = at;
      }
      this.tell();
    });
    this.tell();
  }

  boxes() {
    return [...this.querySelectorAll("input[name=row]")];
  }

  tell() {
    const chosen = this.boxes().filter((box) => box.checked).length;
    this.querySelector("[data-chosen]").textContent = chosen ? `${chosen} ✓` : "–";
    const all = this.querySelector("[data-picks-all]");
    all.checked = chosen > 0 && chosen === this.boxes().length;
    all.indeterminate = chosen > 0 && !all.checked;
  }
}
customElements.define("bulk-select", BulkSelect);
