// The views of the page, as tabs: arrow keys go from one to the next.
export type View = "network" | "training" | "evaluation";

const NAMES: [View, string][] = [["network", "Network"], ["training", "Training"], ["evaluation", "Evaluation"]];

export function Tabs(props: { view: View; onView: (view: View) => void }) {
  const keys = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const at = NAMES.findIndex(([view]) => view === props.view);
    const next = NAMES[(at + step + NAMES.length) % NAMES.length][0];
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
