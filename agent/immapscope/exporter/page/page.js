"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  let tag = null, shown = null, since = null, wait = 1000, timer = null;

  const make = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const fill = (id, ...parts) => at(id).replaceChildren(...parts);
  const number = (value, digits = 3) => value === null ? "–" :
    value === 0 ? "0" : value < 0.001 ? "<0.001" :
    value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(digits)));
  const percent = (share) => share > 0 && share < 0.5 ? "<1" : String(Math.round(share));
  const seconds = (value) => {
    if (value === null) return "–";
    for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["us", 1e-6]])
      if (value >= size) return `${number(value / size)} ${unit}`;
    return value === 0 ? "0" : `${number(value * 1e9)} ns`;
  };
  const clock = (time) => new Date(time * 1000).toLocaleTimeString();

  const table = (caption, heads, rows, kind) => {
    const made = make("table", null, kind), head = make("thead"), line = make("tr"), body = make("tbody");
    made.append(make("caption", caption));
    for (const [text, of] of heads) {
      const cell = make("th", text, of);
      cell.scope = "col";
      line.append(cell);
    }
    head.append(line);
    for (const cells of rows) {
      const row = make("tr");
      row.append(...cells);
      body.append(row);
    }
    made.append(head, body);
    return made;
  };
  const rowHead = (text, sub, kind) => {
    const made = make("th", text, kind);
    made.scope = "row";
    if (sub) made.append(make("span", sub, "sub"));
    return made;
  };

  /* Points that are not known leave a gap. */
  const paths = (values, width, height) => {
    const most = Math.max(...values.filter((value) => value !== null), 1e-12);
    const step = width / Math.max(values.length - 1, 1);
    let line = "", area = "", open = false, x = 0;
    values.forEach((value, index) => {
      const before = x;
      x = index * step;
      if (value === null) {
        if (open) area += `L${before.toFixed(1)},${height}Z`;
        open = false;
        return;
      }
      const y = (height - 2 - value / most * (height - 6)).toFixed(1);
      line += `${open ? "L" : "M"}${x.toFixed(1)},${y}`;
      area += open ? `L${x.toFixed(1)},${y}` : `M${x.toFixed(1)},${height}L${x.toFixed(1)},${y}`;
      open = true;
    });
    return [line, open ? `${area}L${x.toFixed(1)},${height}Z` : area, most];
  };
  const spark = (values, label) => {
    const [line, area] = paths(values, 100, 20);
    const made = document.createElementNS(SVG, "svg");
    made.setAttribute("viewBox", "0 0 100 20");
    made.setAttribute("preserveAspectRatio", "none");
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", label);
    for (const [kind, d] of [["area", area], ["line", line]]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", kind);
      path.setAttribute("d", d);
      made.append(path);
    }
    return made;
  };
  /* Whole percents of all, as `trace` has them: twelve nodes by twelve stay readable. */
  const heat = (values) => {
    const most = Math.max(...values.flat(), 1e-12), all = values.flat().reduce((sum, one) => sum + one, 0);
    return (value) => {
      const share = 100 * value / Math.max(all, 1e-12);
      const made = make("td", !value ? "·" : percent(share));
      if (value) made.className = `h${Math.min(4, 1 + Math.floor(4 * value / most))}`;
      return made;
    };
  };

  const totals = (told) => {
    const pairs = [
      ["tasks waiting", number(told.waiting)], ["waits a second", number(told.waits_per_second)],
      ["execs a second", number(told.execs_per_second)], ["waited per exec", seconds(told.wait_seconds_per_exec)],
    ];
    fill("totals", ...pairs.map(([name, value]) => {
      const made = make("div");
      made.append(make("dt", name), make("dd", value));
      return made;
    }));
  };
  const trend = (told) => {
    const [line, area, most] = paths(told.waiting, 600, 90);
    at("trend").querySelector(".line").setAttribute("d", line);
    at("trend").querySelector(".area").setAttribute("d", area);
    const words = `tasks waiting, ${clock(told.times[0])} to ${clock(told.times.at(-1))}; top of the chart ${number(most)}`;
    at("trend-desc").textContent = `${words}; now ${number(told.waiting.at(-1))}`;
    at("trend-caption").textContent = words;
  };
  const why = (one) => `${one.cause ?? "not known"}, ${one.operation ?? "not known"}`;
  const files = (told) => {
    if (!told.files.length) return fill("files", make("p", "Nobody waited in the last interval."));
    const heads = [["file"], ["tasks waiting", "n"], ["trend", "wide"], ["waits/s", "n wide"], ["longest", "n wide"],
                   ["per tree operation", "n wide"], ["top node", "n"], ["mostly", "wide"]];
    const rows = told.files.map((one) => {
      const chart = make("td", null, "wide");
      chart.append(spark(one.trend, `trend of ${one.file}`));
      return [rowHead(one.file, one.inode, "name"), make("td", number(one.waiting), "n"), chart,
              make("td", number(one.waits_per_second), "n wide"), make("td", seconds(one.wait_seconds_max), "n wide"),
              make("td", seconds(one.wait_seconds_per_tree_operation), "n wide"), make("td", one.node ?? "–", "n"),
              make("td", one.causes.map(why)[0] ?? "–", "wide")];
    });
    const made = [table("The files waited for most in the last interval", heads, rows)];
    if (told.more_files) made.push(make("p", `and ${told.more_files.toLocaleString("en")} more files`));
    fill("files", ...made);
  };
  const causes = (told) => {
    if (!told.length) return fill("causes", make("p", "Nobody waited."));
    const all = told.reduce((sum, one) => sum + one.waiting, 0);
    const rows = told.slice(0, 10).map((one) => {
      const share = make("td", null, "wide"), meter = make("meter");
      meter.max = all;
      meter.value = one.waiting;
      meter.setAttribute("aria-label", `${Math.round(100 * one.waiting / all)} percent`);
      share.append(meter);
      return [rowHead(one.cause ?? "not known"), make("td", one.operation ?? "not known"),
              make("td", number(one.waiting), "n"), make("td", `${percent(100 * one.waiting / all)} %`, "n"), share];
    });
    fill("causes", table("What the waiters were doing, and what they held the lock for",
      [["cause"], ["operation"], ["waiting", "n"], ["share", "n"], ["", "wide"]], rows));
  };
  const matrix = (told) => {
    if (!told) return fill("matrix", make("p", "Nobody waited."));
    const cell = heat(told.waiting);
    const rows = told.nodes.map((node, index) => [rowHead(`node ${node}`), ...told.waiting[index].map(cell)]);
    at("pair").className = told.nodes.length > 6 ? "pair whole" : "pair";
    fill("matrix", table("% of all waiting, by the waiter's node (down) and the holder's (across)",
      [["waiter"], ...told.holders.map((one) => [one, "n"])], rows, "heat"));
  };
  const shards = (told) => {
    at("shards-section").hidden = !told;
    if (!told) return;
    const cell = heat(told.waiting);
    const rows = told.nodes.map((node, index) => [rowHead(`node ${node}`), ...told.waiting[index].map(cell)]);
    const name = (shard, index) => shard === null ? "all trees" :
      told.home_nodes[index] === null ? String(shard) : `${shard}@${told.home_nodes[index]}`;
    const made = [table(`% of all waiting on ${told.file}, by the waiter's node (down) and the shard, @ its home node (across)`,
      [["waiter"], ...told.shards.map((shard, index) => [name(shard, index), "n"])], rows, "heat")];
    if (told.more_shards) made.push(make("p", `and ${told.more_shards} shards with less waiting`));
    fill("shards", ...made);
  };
  const loss = (told) => {
    const law = told.reconciles ? make("p", "What entered is what came out: the interval adds up.") :
      make("p", "The interval does not add up: see the loss below, and docs/accuracy.md.", "bad");
    if (!told.loss.length) return fill("loss", law, make("p", "Nothing was lost."));
    const rows = told.loss.map((one) => [rowHead(one.reason), make("td", `${one.upper_bound ? "at most " : ""}${one.count.toLocaleString("en")}`, "n"),
                                         make("td", one.unit.replace("_", " "))]);
    fill("loss", law, table("Seen but not attributed, in the last interval", [["reason"], ["count", "n"], ["of"]], rows));
  };
  const facts = (told) => {
    const kernel = told.kernel;
    at("facts").textContent = `Linux ${kernel.release}, layout ${kernel.layout}, ${kernel.nodes} nodes, ${kernel.cpus} CPUs; ` +
      `${told.mode} mode; ${told.tracked_inodes.toLocaleString("en")} files tracked; last snapshot ${clock(told.time)}, of ${number(told.interval_seconds)} s`;
  };
  const state = (words, kind) => {
    if (at("state").textContent === words) return;
    at("state").textContent = words;
    at("state").className = kind;
    at("state").hidden = false;
  };

  const show = (told) => {
    facts(told);
    totals(told.totals);
    trend(told.trend);
    files(told);
    causes(told.causes);
    matrix(told.matrix);
    shards(told.shards);
    loss(told);
    at("live").hidden = false;
    at("static").hidden = true;
    const hottest = told.files[0];
    if (shown !== (hottest ? hottest.file : null) || since !== null)
      state(hottest ? `Hottest: ${hottest.file}` : "Nobody waits", "");
    shown = hottest ? hottest.file : null;
    since = null;
    document.title = hottest ? `${hottest.file}: immapscope` : "immapscope";
  };
  const ask = async () => {
    timer = null;
    try {
      const reply = await fetch("/live.json", {cache: "no-store", headers: tag ? {"If-None-Match": tag} : {}});
      if (reply.status === 200) {
        const told = await reply.json();
        tag = reply.headers.get("ETag");
        show(told);
        wait = Math.min(Math.max(told.interval_seconds * 1000, 500), 60000);
      } else if (reply.status !== 304) {
        throw new Error(reply.status === 503 ? "no snapshot yet" : `status ${reply.status}`);
      } else if (since !== null) {
        since = null;
        state(shown === null ? "Nobody waits" : `Hottest: ${shown}`, "");
      }
    } catch (error) {
      if (since === null) {
        since = Date.now() / 1000;
        tag = null;
        state(`No answer since ${clock(since)}; asking again`, "away");
      }
      wait = Math.min(wait * 1.5, 15000);
    }
    later();
  };
  const later = () => {
    if (timer === null && !document.hidden) timer = setTimeout(ask, wait);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      timer = null;
    } else if (timer === null) ask();
  });
  ask();
})();
