// The views of the page, as tabs: arrow keys go from one to the next, Home and End to the first and the last.
export type View = "network" | "training" | "evaluation";

const NAMES: [View, string][] = [["network", "Network"], ["training", "Training"], ["evaluation", "Evaluation"]];

export function Tabs(props: { view: View; onView: (view: View) => void }) {
  const keys = (event: KeyboardEvent) => {
    const at = NAMES.findIndex(([view]) => view === props.view);
    const places: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: NAMES.length - 1 };
    if (!(event.key in places)) return;
    const next = NAMES[(places[event.key] + NAMES.length) % NAMES.length][0];
    props.onView(next);
    document.getElementById(`tab-${next}`)?.focus();
    event.preventDefault();
  };
  return (
    <div class="views" role="tablist" aria-label="Views" onKeyDown={keys}>
      {NAMES.map(([view, name]) => (
        <button
          type="button" role="tab" id={`tab-${view}`} key={view} aria-selected={props.view === view}
          tabIndex={props.view === view ? 0 : -1} onClick={() => props.onView(view)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
