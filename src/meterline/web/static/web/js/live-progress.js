// How far a job is, by server-sent events. Until the first one comes, and where there are none,
// what is inside asks for itself every two seconds (htmx).
class LiveProgress extends HTMLElement {
  connectedCallback() {
    if (!window.EventSource) return;
    this.show = () => (document.hidden ? this.close() : this.open());
    document.addEventListener("visibilitychange", this.show);
    this.show();
  }

  disconnectedCallback() {
    if (this.show) document.removeEventListener("visibilitychange", this.show);
    this.close();
  }

  open() {
    if (this.source) return;
    this.source = new EventSource(this.dataset.url);
    this.source.addEventListener("progress", (event) => {
      this.innerHTML = event.data;
    });
    this.source.addEventListener("over", () => {
      this.close();
      location.reload();
    });
    this.source.addEventListener("error", () => {
      if (this.source?.readyState === EventSource.CLOSED) this.ask();
    });
  }

  // The stream is refused, such as after signing out: the fragment tells why.
  ask() {
    this.close();
    if (!this.querySelector("[hx-get]")) {
      setTimeout(() => window.htmx.ajax("GET", this.dataset.url, { target: this, swap: "outerHTML" }), 2000);
    }
  }

  close() {
    this.source?.close();
    this.source = undefined;
  }
}
customElements.define("live-progress", LiveProgress);
