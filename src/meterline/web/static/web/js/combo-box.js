// Completes a field from what a finder finds: arrow keys choose, Enter takes, Escape leaves.
class ComboBox extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.list = document.createElement("ul");
    this.list.className = "options";
    this.list.id = `${this.input.id}-options`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.input.labels?.[0]?.textContent.trim() || this.input.name);
    this.list.hidden = true;
    this.append(this.list);
    const says = { role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": this.list.id };
    for (const [name, value] of Object.entries(says)) this.input.setAttribute(name, value);
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(), 80);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 120));
    this.list.addEventListener("mousedown", (event) => this.take(event.target.closest("li")));
  }

  async find() {
    const asked = this.input.value.trim();
    if (!asked) return this.close();
    const answer = await fetch(`${this.dataset.url}?q=${encodeURIComponent(asked)}`);
    if (!answer.ok || asked !== this.input.value.trim()) return;
    const hits = await answer.json();
    this.list.replaceChildren(...hits.map((hit, index) => this.item(hit, index)));
    this.show(hits.length > 0);
    this.choose(0);
  }

  item(hit, index) {
    const item = document.createElement("li");
    const note = document.createElement("span");
    note.className = "note";
    note.textContent = hit.note;
    item.append(hit.title, note);
    item.id = `${this.list.id}-${index}`;
    item.dataset.value = hit.value;
    item.setAttribute("role", "option");
    return item;
  }

  choose(index) {
    const items = [...this.list.children];
    this.at = Math.max(0, Math.min(index, items.length - 1));
    items.forEach((item, i) => item.setAttribute("aria-selected", i === this.at));
    this.input.setAttribute("aria-activedescendant", items[this.at]?.id ?? "");
    items[this.at]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (this.list.hidden) return;
    if (event.key === "ArrowDown") this.choose(this.at + 1);
    else if (event.key === "ArrowUp") this.choose(this.at - 1);
    else if (event.key === "Enter") this.take(this.list.children[this.at]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  take(item) {
    if (!item) return;
    this.input.value = item.dataset.value;
    this.close();
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  show(visible) {
    this.list.hidden = !visible;
    this.input.setAttribute("aria-expanded", String(visible));
  }

  close() {
    this.show(false);
  }
}
customElements.define("combo-box", ComboBox);
