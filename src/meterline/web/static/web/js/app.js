// The few things that a page cannot do without a script. Each stands in a file of its own.
import "./menus.js";
import "./drawer.js";
import "./palette.js";
import "./copy-text.js";
import "./bulk-select.js";
import "./combo-box.js";
import "./live-progress.js";
import "./chart-picture.js";
import "./toast-note.js";
import "./look.js";
import "./keys.js";
import "./rows.js";
import "./guided-tour.js";
import "./page-picture.js";
