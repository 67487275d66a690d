// Ctrl-K: finds customers, invoices, pages and acts. A combobox over a list made by the server.
class CommandPalette extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.input = this.querySelector("input");
    this.list = this.querySelector("[role=listbox]");
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        this.show();
      }
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest?.("[data-palette]")) {
        event.preventDefault();
        this.show();
      }
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
      else event.target.closest("[role=option]") && this.go(event.target.closest("[role=option]"));
    });
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(), 60);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  show() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.input.select();
    this.find();
  }

  async find() {
    const asked = this.input.value;
    const answer = await fetch(`${this.dataset.url}?q=${encodeURIComponent(asked)}`);
    if (!answer.ok || asked !== this.input.value) return;
    this.list.innerHTML = await answer.text();
    this.choose(0);
  }

  options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  choose(index) {
    const options = this.options();
    this.at = Math.max(0, Math.min(index, options.length - 1));
    options.forEach((option, i) => option.setAttribute("aria-selected", i === this.at));
    const chosen = options[this.at];
    this.input.setAttribute("aria-activedescendant", chosen ? chosen.id : "");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (event.key === "ArrowDown") this.choose(this.at + 1);
    else if (event.key === "ArrowUp") this.choose(this.at - 1);
    else if (event.key === "Enter") this.go(this.options()[this.at]);
    else return;
    event.preventDefault();
  }

  go(option) {
    if (option) location.assign(option.dataset.url);
  }
}
customElements.define("command-palette", CommandPalette);
