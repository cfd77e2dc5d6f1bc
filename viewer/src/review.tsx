// What a run gets wrong: its scores, the confusion matrix, and the examples most wrong.
import { useEffect, useRef, useState } from "preact/hooks";
import { Confusion, type Cell } from "./confusion";
import type { Mistake, Problem, Review, ReviewLine, RunData } from "./protocol";
import { number, percent } from "./runs";

export type Evaluate = (run: string, part: string, told: (line: ReviewLine) => void, stop: AbortSignal) => Promise<void>;

export interface EvaluationProps {
  runs: RunData[];
  dark: boolean;
  evaluate: Evaluate | null; // null: there is no server to ask
  onReview: (run: string, review: Review) => void;
}

export function Evaluation(props: EvaluationProps) {
  const [place, setPlace] = useState(0);
  const run = props.runs[Math.min(place, props.runs.length - 1)];
  return (
    <section class="evaluation" aria-label="Evaluation">
      <div class="controls">
        {props.runs.length > 1 && (
          <label>
            Run{" "}
            <select value={place} onChange={(e) => setPlace(Number(e.currentTarget.value))}>
              {props.runs.map((r, i) => <option value={i} key={r.name}>{r.name}</option>)}
            </select>
          </label>
        )}
        <Asking key={run.name} run={run} evaluate={props.evaluate} onReview={props.onReview} />
      </div>
      {run.review ? (
        <Shown key={run.name} review={run.review} dark={props.dark} />
      ) : (
        <p class="empty">
          {props.evaluate
            ? "Evaluate the best weights of this run to see its confusion matrix and the examples that it gets most wrong. The first evaluation takes some seconds more: PyTorch is loaded."
            : "This page was written without an evaluation. `netspec view RUN --evaluate --export PAGE.html` includes one."}
        </p>
      )}
    </section>
  );
}

function Asking(props: { run: RunData; evaluate: Evaluate | null; onReview: (run: string, review: Review) => void }) {
  const { run } = props;
  const [part, setPart] = useState("");
  const [progress, setProgress] = useState<{ done: number; of: number } | null>(null);
  const [problems, setProblems] = useState<Problem[]>([]);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  if (!props.evaluate) return null;
  const ask = async () => {
    setProblems([]);
    setProgress({ done: 0, of: 0 });
    const control = new AbortController();
    stop.current = control;
    try {
      await props.evaluate!(run.name, part, (line) => {
        if (line.of !== undefined) setProgress({ done: line.done ?? 0, of: line.of });
        if (line.errors) setProblems(line.errors);
        if (line.review) props.onReview(run.name, line.review);
      }, control.signal);
    } catch {
      if (!control.signal.aborted)
        setProblems([{ message: "netspec view has ended", notes: [], helps: ["start it again, and open the address that it prints"] }]);
    }
    setProgress(null);
  };
  return (
    <>
      <label>
        on{" "}
        <select value={part} onChange={(e) => setPart(e.currentTarget.value)} disabled={progress !== null}>
          <option value="">held-out examples</option>
          {run.parts.map((name) => <option value={name} key={name}>{name} examples</option>)}
        </select>
      </label>
      {progress ? (
        <>
          <progress aria-label="Evaluation" {...(progress.of ? { value: progress.done, max: progress.of } : {})} />
          <span>{progress.of ? `${progress.done.toLocaleString("en")} of ${progress.of.toLocaleString("en")}` : "loading"}</span>
          <button type="button" onClick={() => stop.current?.abort()}>Cancel</button>
        </>
      ) : (
        <button type="button" class="primary" onClick={() => void ask()}>{run.review ? "Evaluate again" : "Evaluate"}</button>
      )}
      {problems.length > 0 && (
        <ul class="problems" role="alert">
          {problems.map((p) => (
            <li key={p.message}>
              <b>{p.message}</b>
              {p.notes.map((note) => <div class="note" key={note}>{note}</div>)}
              {p.helps.map((help) => <div class="help" key={help}>help: {help}</div>)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const TITLES: Record<string, string> = { loss: "loss", accuracy: "accuracy", top5: "top-5 accuracy", mse: "mean squared error", mae: "mean absolute error", r2: "R²", iou: "mean IoU", dice: "mean Dice" };
const SHARES = new Set(["accuracy", "top5", "iou", "dice"]);

function Shown(props: { review: Review; dark: boolean }) {
  const { review } = props;
  const [cell, setCell] = useState<Cell | null>(null);
  return (
    <>
      <p class="scores">
        {review.examples.toLocaleString("en")} {review.part} examples of {review.data}
        {Object.entries(review.scores).map(([name, value]) => (
          <span key={name}>{TITLES[name] ?? name} <b>{SHARES.has(name) ? percent(value) : number(value)}</b></span>
        ))}
      </p>
      {review.stale && <p class="bad">These are the results of earlier weights: the run has better ones now.</p>}
      {review.warnings.map((text) => <p class="warn" key={text}>{text}</p>)}
      <div class="columns">
        {(review.confusion || review.labels.length > 0 || review.confused.length > 0) && (
          <div>
            {review.confusion && <Confusion classes={review.classes} matrix={review.confusion} dark={props.dark} chosen={cell} onChoose={setCell} />}
            <Confused review={review} onChoose={setCell} />
            <PerClass review={review} />
          </div>
        )}
        <Mistakes review={review} cell={cell} onAll={() => setCell(null)} />
      </div>
    </>
  );
}

function Confused(props: { review: Review; onChoose: (cell: Cell) => void }) {
  const { classes, confused, kind } = props.review;
  if (!confused.length) return null;
  return (
    <section class="confused" aria-label="Most frequent confusions">
      <h2>Most frequent confusions</h2>
      <ol>
        {confused.slice(0, 10).map(([i, j, n]) => (
          <li key={`${i} ${j}`}>
            <button type="button" class="link" disabled={kind !== "classes"} onClick={() => props.onChoose([i, j])}>{classes[i]} as {classes[j]}</button>: {n.toLocaleString("en")}
          </li>
        ))}
      </ol>
    </section>
  );
}

function PerClass(props: { review: Review }) {
  const { review } = props;
  const share = (a: number, b: number) => (b ? percent(a / b) : "–");
  const rows = review.labels.length
    ? review.labels.map(([examples, predicted, right]): [number, number, number] => [examples, predicted, right])
    : (review.confusion ?? []).map((row, i): [number, number, number] => [
        row.reduce((a, b) => a + b, 0), review.confusion!.reduce((a, other) => a + other[i], 0), row[i],
      ]);
  if (!rows.length) return null;
  return (
    <details class="numbers">
      <summary>{review.labels.length ? "Every label" : "Every class"}</summary>
      <table>
        <thead><tr><th scope="col">{review.labels.length ? "label" : "class"}</th><th scope="col">{review.kind === "positions" ? "positions" : "examples"}</th><th scope="col">precision</th><th scope="col">recall</th></tr></thead>
        <tbody>
          {rows.map(([examples, predicted, right], i) => (
            <tr key={i}>
              <th scope="row">{review.classes[i] ?? i}</th><td>{examples.toLocaleString("en")}</td><td>{share(right, predicted)}</td><td>{share(right, examples)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Mistakes(props: { review: Review; cell: Cell | null; onAll: () => void }) {
  const { review, cell } = props;
  const shown = review.mistakes.filter((m) => !cell || (m.classes && m.classes[0] === cell[0] && m.classes[1] === cell[1]));
  const all = review.kind === "values" || review.kind === "input";
  const pictures = shown.some((m) => m.picture);
  return (
    <section class="mistakes" aria-label="Examples most wrong">
      <h2>Examples most wrong</h2>
      <p class="hint">
        {all ? `The ${shown.length} with the highest loss.` : `${review.wrong.toLocaleString("en")} of ${review.examples.toLocaleString("en")} are ${review.kind === "positions" || review.kind === "labels" ? "not wholly right" : "wrong"}; `}
        {!all && (cell ? `${shown.length} of those kept are ${review.classes[cell[0]]} predicted as ${review.classes[cell[1]]}. ` : `shown by loss, the highest first. `)}
        {cell && <button type="button" class="link" onClick={props.onAll}>Show all</button>}
      </p>
      {pictures ? (
        <ul class="examples">{shown.map((m) => <Card key={m.index} mistake={m} kind={review.kind} />)}</ul>
      ) : (
        shown.length > 0 && <Listed mistakes={shown} kind={review.kind} />
      )}
    </section>
  );
}

const sure = (value: number | null) => (value === null ? "" : value >= 0 && value <= 1 ? ` ${(100 * value).toFixed(1)} %` : ` ${number(value)}`);

function Card(props: { mistake: Mistake; kind: Review["kind"] }) {
  const { mistake: m } = props;
  const said = m.truth ? `${m.truth} predicted as ${m.predicted}` : m.name;
  return (
    <li>
      <div class="pictures">
        {m.picture && <img src={m.picture} alt={`${m.name}: ${said}`} />}
        {m.output && <img src={m.output} alt={`the output for ${m.name}`} />}
      </div>
      <dl>
        {m.truth && <><dt>true</dt><dd>{m.truth} <i>{sure(m.of_truth)}</i></dd></>}
        {m.predicted && <><dt>predicted</dt><dd class="bad">{m.predicted} <i>{sure(m.confidence)}</i></dd></>}
        {m.share !== null && <><dt>wrong</dt><dd>{percent(m.share)}</dd></>}
        {props.kind !== "classes" && m.loss !== null && <><dt>loss</dt><dd>{number(m.loss)}</dd></>}
      </dl>
      <div class="name" title={m.name}>{m.name}</div>
    </li>
  );
}

function Listed(props: { mistakes: Mistake[]; kind: Review["kind"] }) {
  const classes = props.kind === "classes";
  return (
    <table class="listed">
      <thead>
        <tr><th scope="col">example</th><th scope="col">input</th><th scope="col">{classes ? "true" : "target"}</th><th scope="col">predicted</th>{classes && <th scope="col">confidence</th>}<th scope="col">loss</th></tr>
      </thead>
      <tbody>
        {props.mistakes.map((m) => (
          <tr key={m.index}>
            <th scope="row">{m.name}</th><td class="input">{m.values}</td><td>{m.truth}</td><td>{m.predicted}</td>
            {classes && <td>{sure(m.confidence)}</td>}<td>{m.loss === null ? "not finite" : number(m.loss)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
