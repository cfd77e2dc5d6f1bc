// Two specs compared: which one, the totals of both, and what was added, removed and changed.
import { useMemo } from "preact/hooks";
import { WORDS } from "./numbers";
import type { ChangeKind, Comparison, Mark } from "./protocol";

const SIGNS: Record<ChangeKind, [string, string]> = {
  added: ["+", "added"], removed: ["−", "removed"], changed: ["~", "changed"], affected: ["·", "on tensors of other sizes"],
};

export function CompareWith(props: { files: string[]; against: number | null; onAgainst: (index: number | null) => void; able: (index: number) => boolean }) {
  return (
    <label>
      Compare with{" "}
      <select
        value={props.against ?? ""}
        onChange={(e) => props.onAgainst(e.currentTarget.value === "" ? null : Number(e.currentTarget.value))}
      >
        <option value="">nothing</option>
        {props.files.map((file, i) => props.able(i) && <option value={i} key={file}>{file}</option>)}
      </select>
    </label>
  );
}

export function useMarks(comparison: Comparison | null): Map<number, Mark> {
  return useMemo(() => new Map(comparison?.marks.map((mark) => [mark.part, mark])), [comparison]);
}

export function Differences(props: { file: string; other: string; comparison: Comparison | null; onSelect: (part: number) => void }) {
  const { comparison } = props;
  return (
    <section class="differences" aria-label="Differences">
      <h2>{props.other} → {props.file}</h2>
      {!comparison && <p class="hint">Nothing to compare: one of the two has errors, or is still being checked.</p>}
      {comparison && (
        <>
          <table>
            <tbody>
              {comparison.totals.map(([title, before, after, by]) => (
                <tr key={title}>
                  <th scope="row">{WORDS[title] ?? title}</th>
                  <td>{before === after ? before : <>{before} → {after}<br /><b>{by}</b></>}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {comparison.equal && <p>The same network.</p>}
          {comparison.counts.map((text) => <p class="hint" key={text}>{text}</p>)}
          <ul>
            {comparison.rows.map((row, i) => (
              <li key={i} style={{ paddingLeft: `${10 * row.level}px` }}>
                <button type="button" disabled={row.part === null} onClick={() => props.onSelect(row.part!)}>
                  <b class={row.kind} aria-label={SIGNS[row.kind][1]}>{SIGNS[row.kind][0]}</b>
                  <span>
                    <b>{row.name}</b> {row.words}
                    {(row.params || row.macs) && (
                      <i>{[row.params && `${row.params} parameters`, row.macs && `${row.macs} MACs`].filter(Boolean).join(", ")}</i>
                    )}
                  </span>
                </button>
              </li>
            ))}
            {comparison.more > 0 && <li class="hint">{comparison.more} more: `netspec diff --all` lists them</li>}
          </ul>
        </>
      )}
    </section>
  );
}

// What is different about the chosen part.
export function Changed(props: { mark: Mark | undefined }) {
  const { mark } = props;
  if (!mark) return null;
  return (
    <>
      {mark.kind && <p class={`change ${mark.kind}`}>{SIGNS[mark.kind][0]} {SIGNS[mark.kind][1]}{mark.words && `: ${mark.words}`}</p>}
      {mark.removed.map((text) => <p class="change removed" key={text}>− removed after it: {text}</p>)}
    </>
  );
}
