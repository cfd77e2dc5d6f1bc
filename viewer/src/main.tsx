// The page: the text of a spec, its diagram, and what is known about both.
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAddress } from "./address";
import { Breadcrumbs } from "./breadcrumbs";
import { Code, Downloads } from "./code";
import { CompareWith, Differences, useMarks } from "./comparison";
import { Diagram } from "./diagram";
import { Editor, withEdits } from "./editor";
import { errorMarks } from "./errormarks";
import { useFiles } from "./files";
import { Gallery, Welcome } from "./gallery";
import { InputSizes } from "./inputs";
import { layout, openAtFirst } from "./layout";
import { ENDED, Live } from "./live";
import { Costs, Details, Findings, Outline } from "./panels";
import { Parameters } from "./parameters";
import { Evaluation } from "./review";
import { Training } from "./runs";
import { Search, hits } from "./search";
import { Status } from "./status";
import { Tabs, type View } from "./tabs";
import type { Comparison, Document, Finding, Fix, Network, Start } from "./protocol";
import { Python } from "./python";
import { keyOf, parents, partsAt, shownFor, spanOf } from "./text_and_parts";
import { themeOf } from "./theme";
import type { Values } from "./transport";

const start = JSON.parse(document.getElementById("netspec-start")!.textContent!) as Start;
const nonce = document.currentScript instanceof HTMLScriptElement ? document.currentScript.nonce : "";
const live = start.mode === "live" ? new Live(start) : null;
const site = start.site;
const python = site ? new Python(site, start.documents.map((d) => [d.file, d.text])) : null;
const transport = live ?? python;
const preferDark = window.matchMedia("(prefers-color-scheme: dark)");

function App() {
  const [place, setPlace] = useState(0);
  const [documents, setDocuments] = useState(start.documents);
  const [texts, setTexts] = useState(start.documents.map((d) => d.text));
  const [revision, setRevision] = useState(0);
  const [given, setGiven] = useState<Values>({});
  const [networks, setNetworks] = useState<(Network | null)[]>(start.documents.map((d) => d.network));
  const [toggled, setToggled] = useState<Map<string, boolean>>(new Map());
  const [chosen, setChosen] = useState<string | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [caret, setCaret] = useState<{ offset: number; count: number } | null>(null);
  const [reveal, setReveal] = useState<{ parts: number[]; count: number } | null>(null);
  const [query, setQuery] = useState("");
  const [by, setBy] = useState("");
  const [against, setAgainst] = useState<number | null>(null);
  const [compared, setCompared] = useState<(Comparison | null)[]>([]);
  const [dark, setDark] = useState(preferDark.matches);
  const [message, setMessage] = useState("");
  const [trouble, setTrouble] = useState(""); // of the last check
  const [ended, setEnded] = useState(false);
  const [slow, setSlow] = useState(false);
  const [used, setUsed] = useState(0);
  const [asCode, setAsCode] = useState(false);
  const [welcome, setWelcome] = useState(true);
  const [browse, setBrowse] = useState(true);
  const [runs, setRuns] = useState(start.runs);
  const [view, setView] = useState<View>(runs.length ? "training" : "network");
  const state = useRef({ texts, place, given, against });
  state.current = { texts, place, given, against };

  useEffect(() => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }, [dark]);

  const current = documents[place];
  const network = networks[place];
  const stale = current.network === null && network !== null;

  const changedText = (text: string, byPage = false) => {
    setTexts((all) => all.map((t, i) => (i === place ? text : t)));
    state.current.texts = state.current.texts.map((t, i) => (i === place ? text : t));
    setMessage("");
    if (byPage) setRevision((n) => n + 1);
    check(place, text, state.current.given);
  };

  const check = (index: number, text: string, values: Values) => {
    const { place: shown, against: other } = state.current;
    const compare = other !== null && index === shown ? { file: start.documents[other].file, text: state.current.texts[other] } : undefined;
    transport?.check(
      { file: start.documents[index].file, text, parameters: values, against: compare },
      (found: Document) => {
        if (text !== state.current.texts[index]) return; // a newer text is on its way
        setTrouble("");
        setDocuments((all) => all.map((d, i) => (i === index ? { ...found, version: d.version } : d)));
        if (!found.network) return;
        setNetworks((all) => all.map((n, i) => (i === index ? found.network : n)));
        setCompared((all) => start.documents.map((_, i) => (i === index ? found.comparison ?? null : all[i] ?? null)));
      },
      setTrouble,
    );
  };

  useEffect(() => {
    if (live) [live.onEnd, live.onSlow] = [() => setEnded(true), setSlow];
  }, []);
  const files = useFiles(live, start.documents, {
    texts: () => state.current.texts,
    onText: (index, text) => {
      setTexts((all) => all.map((t, i) => (i === index ? text : t)));
      state.current.texts = state.current.texts.map((t, i) => (i === index ? text : t));
      setRevision((n) => n + 1);
      check(index, text, index === state.current.place ? state.current.given : {});
      recheck(index);
    },
    onUsed: (index) => {
      setUsed((n) => n + 1);
      check(index, state.current.texts[index], index === state.current.place ? state.current.given : {});
      recheck(index);
    },
    onRun: (run) => setRuns((all) => all.map((r) => (r.name === run.name ? run : r))),
    onMessage: setMessage,
  });

  // What is compared with a text that has changed.
  const recheck = (index: number) => {
    const { place: shown, against: other, texts: now, given: values } = state.current;
    if (index === other) check(shown, now[shown], values);
  };
  const compareWith = (other: number | null) => {
    setAgainst(other);
    state.current.against = other;
    if (other !== null) check(place, state.current.texts[place], state.current.given);
  };

  // Parts are remembered by key, so that they stay open and chosen while the text changes.
  const byKey = useMemo(() => new Map(network?.parts.map((_, i) => [keyOf(network, i), i])), [network]);
  const open = useMemo(() => {
    if (!network) return new Set<number>();
    const found = openAtFirst(network, network.depth);
    for (const [key, isOpen] of toggled) {
      const part = byKey.get(key);
      if (part === undefined) continue;
      if (isOpen) found.add(part);
      else found.delete(part);
    }
    return found;
  }, [network, toggled]);
  const root = useMemo(() => (network ? layout(network, (part) => open.has(part)) : null), [network, open]);
  const selected = chosen !== null ? byKey.get(chosen) ?? null : null;
  const other = against !== null ? documents[against].file : "";
  const known = transport ? compared[place] ?? null : start.comparisons[current.file]?.[other] ?? null;
  const comparison = known?.other === other ? known : null;
  const differs = useMarks(comparison);

  const found = useMemo(() => hits(network, query), [network, query]);
  const marked = useMemo(() => {
    const parts = found.length ? new Set(found) : network && cursor !== null ? partsAt(network, cursor) : null;
    return network && parts ? shownFor(network, parts, open) : new Set<number>();
  }, [network, found, cursor, open]);
  const marks = useMemo(() => errorMarks(network, current.findings), [network, current.findings]);
  const go = (finding: Finding) => {
    setCursor(finding.start);
    if (finding.start !== null) putCaret(finding.start);
  };
  const putCaret = (offset: number) => {
    setAsCode(false);
    setCaret((c) => ({ offset, count: (c?.count ?? 0) + 1 }));
  };
  const bring = (parts: number[]) => setReveal((r) => ({ parts, count: (r?.count ?? 0) + 1 }));
  const clickedText = (offset: number) => {
    setChosen(null);
    setCursor(offset);
    if (network) bring([...shownFor(network, partsAt(network, offset), open)]);
  };
  const toggle = (part: number) => {
    if (!network?.parts[part].level) return;
    setToggled((all) => new Map(all).set(keyOf(network, part), !open.has(part)));
  };
  const openAll = (all: boolean) =>
    setToggled(new Map(network?.parts.flatMap((part, i): [string, boolean][] => (i && part.level ? [[keyOf(network, i), all]] : []))));
  const select = (part: number | null, show = true) => {
    setCursor(null);
    if (part === null || !network) return setChosen(null);
    setChosen(keyOf(network, part));
    if (!show) return;
    const around = parents(network, part).filter((p) => p && !open.has(p));
    if (around.length) setToggled((all) => around.reduce((m, p) => m.set(keyOf(network, p), true), new Map(all)));
    bring([part]);
  };
  const span = useMemo(() => (network && selected !== null ? spanOf(network, [selected, ...parents(network, selected)]) : null), [network, selected]);

  const setParameter = (name: string, value: number | boolean | string) => {
    const values = { ...state.current.given, [name]: value };
    setGiven(values);
    state.current.given = values;
    check(place, state.current.texts[place], values);
  };
  const choose = (index: number, values: Values = {}) => {
    const { place: before, given: tried } = state.current;
    setPlace(index);
    setGiven(values);
    const other = state.current.against === index ? null : state.current.against;
    setAgainst(other);
    state.current = { ...state.current, place: index, given: values, against: other };
    setChosen(null);
    setCursor(null);
    setMessage("");
    setRevision((n) => n + 1);
    if (Object.keys(tried).length) check(before, state.current.texts[before], before === index ? values : {}); // other values are tried here only
    load(index);
    if (other !== null) check(index, state.current.texts[index], values);
  };

  // The gallery's documents come when they are looked at, checked when the site was made.
  const load = (index: number) => {
    const document = start.documents[index];
    const untouched = state.current.texts[index] === document.text && !Object.keys(state.current.given).length;
    if (!python || (untouched && networks[index])) return;
    if (!untouched) return check(index, state.current.texts[index], state.current.given);
    python.document(document.file).then(
      (found) => {
        if (found.text !== state.current.texts[index]) return check(index, state.current.texts[index], state.current.given);
        setDocuments((all) => all.map((d, i) => (i === index ? found : d)));
        setNetworks((all) => all.map((n, i) => (i === index ? found.network : n)));
      },
      () => check(index, document.text, {}),
    );
  };
  const chooseFile = (file: string, text?: string, values: Values = {}) => {
    const index = start.documents.findIndex((d) => d.file === file);
    const known = index >= 0 ? index : start.documents.findIndex((d) => d.file === site!.untitled);
    if (text !== undefined) {
      setTexts((all) => all.map((t, i) => (i === known ? text : t)));
      state.current.texts = state.current.texts.map((t, i) => (i === known ? text : t));
    }
    choose(known, values);
  };

  const writeAddress = useAddress(
    site !== undefined,
    () => {
      const { texts: now, place: index, given: values } = state.current;
      const { file, text } = start.documents[index];
      return { file, text: now[index] === text ? undefined : now[index], parameters: values };
    },
    (shared) => chooseFile(shared.file, shared.text, shared.parameters),
    () => setMessage("the link is damaged: what it shares cannot be read"),
    [place, texts, given],
  );
  const copyAddress = async () => {
    await writeAddress();
    try {
      await navigator.clipboard.writeText(location.href);
      setMessage("the link is copied: it holds the text itself");
    } catch {
      setMessage("the link is in the address bar: it holds the text itself");
    }
  };
  const fix = (wanted: Fix) => {
    if (current.text !== texts[place]) return; // its places are those of another text: the check of this one is on its way
    changedText(withEdits(texts[place], wanted.edits), true);
    if (!asCode) putCaret(Math.min(...wanted.edits.map((edit) => edit.start)));
  };

  const ofRun = runs.some((run) => run.name === current.file); // what a run was trained with is not changed
  const dirty = files.unsaved(place, texts[place]);
  const written = { transport: transport!, used, writing: {
    file: current.file, text: texts[place], parameters: given, theme: dark ? ("dark" as const) : ("light" as const), by,
    open: network ? [...open].map((part) => keyOf(network, part)) : undefined,
  } };
  const errors = current.findings.filter((f) => f.severity === "error").length;
  return (
    <div class="page">
      {site && welcome && <Welcome site={site} onHide={() => setWelcome(false)} />}
      <header>
        {!site && <h1 class="unseen">{current.file}</h1>}
        {site && <button type="button" aria-pressed={browse} onClick={() => setBrowse(!browse)}>Gallery</button>}
        {documents.length > 1 && !site ? (
          <select aria-label="Spec" value={place} onChange={(e) => choose(Number(e.currentTarget.value))}>
            {documents.map((d, i) => <option value={i} key={d.file}>{d.file}</option>)}
          </select>
        ) : (
          <b>{current.file}</b>
        )}
        {runs.length > 0 && <Tabs view={view} onView={setView} />}
        <span class="summary">{network?.summary}</span>
        <span class="grow" />
        {view === "network" && <>
        <Search query={query} found={found} selected={selected} onQuery={setQuery} onSelect={(part) => select(part)} />
        <label>
          Color by{" "}
          <select value={by} onChange={(e) => setBy(e.currentTarget.value)}>
            <option value="">kind</option>
            <option value="macs">MACs</option>
            <option value="params">parameters</option>
            <option value="memory">memory</option>
            <option value="activations">activations</option>
          </select>
        </label>
        {documents.length > 1 && (
          <CompareWith
            files={documents.map((d) => d.file)} against={against} onAgainst={compareWith}
            able={(i) => i !== place && (transport !== null || documents[i].file in (start.comparisons[current.file] ?? {}))}
          />
        )}
        </>}
        {live && !ofRun && <button type="button" onClick={() => void files.save(place)} disabled={!dirty}>{dirty ? "Save" : "Saved"}</button>}
        {site && dirty && <button type="button" onClick={() => changedText(start.documents[place].text, true)}>Reset</button>}
        {site && <button type="button" onClick={() => void copyAddress()}>Copy link</button>}
        {transport && <Downloads {...written} onMessage={setMessage} />}
        <button type="button" aria-pressed={dark} onClick={() => setDark(!dark)}>{dark ? "Light" : "Dark"}</button>
      </header>
      <Status
        python={python} bytes={site?.bytes ?? 0} still={!transport} message={ended ? "" : slow ? "Checking…" : message} trouble={ended ? ENDED : trouble} errors={errors} stale={stale}
        disk={files.disk[place]} conflict={files.conflicts[place]} onTake={() => files.take(place)} onKeep={() => files.keep(place)}
      />
      {view === "training" && <main class="view"><Training runs={runs} dark={dark} /></main>}
      {view === "evaluation" && (
        <main class="view">
          <Evaluation
            runs={runs} dark={dark} evaluate={live && ((...asked) => live.review(...asked))}
            onReview={(name, review) => setRuns((all) => all.map((r) => (r.name === name ? { ...r, review } : r)))}
          />
        </main>
      )}
      {view === "network" && <main class={site && browse ? "network browsing" : "network"}>
        {site && browse && <Gallery site={site} current={current.file} onChoose={(file) => chooseFile(file)} />}
        <div class="left">
          {transport && (
            <div class="tabs" role="tablist" aria-label="Text">
              <button type="button" role="tab" aria-selected={!asCode} onClick={() => setAsCode(false)}>Spec</button>
              <button type="button" role="tab" aria-selected={asCode} onClick={() => setAsCode(true)}>PyTorch</button>
            </div>
          )}
          {asCode && <Code {...written} />}
          <Editor
            hidden={asCode}
            file={current.file} text={texts[place]} revision={revision} findings={current.findings} checked={current.text} words={start.words} chosen={span}
            readOnly={!transport || ofRun} nonce={nonce ?? ""} onChange={(text) => changedText(text)} onSave={() => void files.save(place)}
            caret={caret} onCursor={clickedText}
          />
          <Findings
            findings={current.findings} live={transport !== null} onFix={fix}
            onGo={go}
          />
        </div>
        <div class="middle">
          {network && (
            <Breadcrumbs
              network={network} path={selected === null ? [] : [...parents(network, selected).filter(Boolean).reverse(), selected]}
              onSelect={(part) => select(part)}
            />
          )}
          {network && root ? (
            <Diagram
              file={current.file} network={network} root={root} theme={themeOf(dark)} by={by} selected={selected} marked={marked} differs={differs}
              reveal={reveal} onSelect={(part) => select(part, false)} onToggle={toggle} onOpenAll={openAll}
              errors={marks} onGo={go}
            />
          ) : (
            <p class="empty">{current.library ? "This file declares blocks for other files to use." : "The diagram appears as soon as the text can be read."}</p>
          )}
        </div>
        <div class="right">
          {network && (
            <>
              <Parameters
                key={current.file} values={network.parameters} given={given} live={transport !== null} onChange={setParameter}
                onReset={() => (setGiven({}), (state.current.given = {}), check(place, texts[place], {}))}
              />
              <InputSizes key={current.file} network={network} text={texts[place]} live={transport !== null && !ofRun} onText={(text) => changedText(text, true)} />
              {against !== null && <Differences file={current.file} other={other} comparison={comparison} onSelect={(part) => select(part)} />}
              <Outline network={network} open={open} selected={selected} found={query.trim() ? found : null} onSelect={(part) => select(part)} onToggle={toggle} />
              <Details network={network} part={selected} mark={selected !== null ? differs.get(selected) : undefined} onToggle={toggle} />
              <Costs network={network} open={open} onSelect={(part) => select(part)} />
            </>
          )}
        </div>
      </main>}
    </div>
  );
}

// For tests and benchmarks.
(globalThis as Record<string, unknown>).netspec = { start, layout, openAtFirst, partsAt, shownFor, python };
render(<App />, document.getElementById("netspec")!);
