// Live tails. Everything else works without this script. What comes from the store is written as text, never as HTML.
"use strict";

const MOST = 200; // rows that a followed list keeps

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function link(className, address, text) {
  const made = element("a", className, text);
  made.href = address;
  return made;
}

function time(stored) {
  const made = element("time", "", stored.time);
  made.dateTime = stored.datetime;
  const when = element("span", "when");
  when.append(made);
  return when;
}

function row(stored) {
  const made = element("li", "fresh");
  const what = link("what", stored.event, stored.type + " ");
  what.append(element("span", "version", stored.version));
  const where = link("where", stored.in, "");
  where.append(element("bdi", "", stored.stream), element("span", "version", " #" + stored.number));
  made.append(time(stored), what, where, element("span", "position", stored.position));
  return made;
}

function entry(stored) {
  const made = element("li", "fresh");
  const line = element("div", "line");
  line.append(link("at", stored.event, "#" + stored.number), element("span", "type", stored.type + " " + stored.version), time(stored));
  made.append(line);
  return made;
}

function tellStore(answers) {
  const place = document.getElementById("store-state");
  place.replaceChildren();
  if (!answers) place.append(element("div", "notice bad", "The store does not answer. It is asked again every few seconds."));
}

function follow(tail) {
  const button = tail.querySelector("[data-follow]");
  const state = tail.querySelector("[data-tail-state]");
  const list = tail.closest("section, main").querySelector("[data-rows]");
  let source = null;
  let seen = 0;
  const tell = (text) => { state.textContent = text; };
  const stop = () => {
    source.close();
    source = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow";
    tell("");
  };
  const start = () => {
    seen = 0;
    source = new EventSource(tail.dataset.tail);
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Following";
    tell("Connecting…");
    source.addEventListener("begun", () => tell("Waiting for events."));
    source.addEventListener("stored", (message) => {
      const stored = JSON.parse(message.data);
      list.prepend(list.classList.contains("timeline") ? entry(stored) : row(stored));
      while (list.children.length > MOST) list.lastElementChild.remove();
      seen += 1;
      tell(seen === 1 ? "1 new event" : seen + " new events");
    });
    source.addEventListener("missed", (message) => tell(JSON.parse(message.data).count + " events were too fast to show; reload the page for them."));
    source.addEventListener("store", (message) => tellStore(JSON.parse(message.data).answers));
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) { stop(); tell("The console refused. Reload the page."); }
      else tell("Disconnected; trying again…");
    });
  };
  button.hidden = false;
  button.addEventListener("click", () => (source ? stop() : start()));
}

document.querySelectorAll("[data-tail]").forEach(follow);
