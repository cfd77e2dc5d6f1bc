// The text of the spec: highlighted, completed, with the findings of the check in it and their fixes a click away.
import { type CompletionContext, autocompletion, closeCompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "preact/hooks";
import type { Edit, Finding } from "./protocol";

const KEYWORDS = new Set(
  ("net input output block use default let fn if else for in repeat from add mul concat residual train expect shared aux " +
    "checkpoint windows each fit and or not yes no true false").split(" "),
);

const language = StreamLanguage.define<null>({
  name: "netspec",
  startState: () => null,
  token(stream) {
    if (stream.match(/#.*/)) return "comment";
    if (stream.match(/"(?:[^"\\]|\\.)*"?/)) return "string";
    if (stream.match(/\d[\d_]*(?:[x×]\d[\d_]*)+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?[KMGB]?/)) return "number";
    const word = stream.match(/[^\W\d]\w*/) as RegExpMatchArray | null;
    if (word) return KEYWORDS.has(word[0]) ? "keyword" : "variableName";
    stream.next();
    return null;
  },
});

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
  { tag: tags.keyword, color: "var(--keyword)", fontWeight: "bold" },
  { tag: tags.number, color: "var(--number)" },
  { tag: tags.string, color: "var(--string)" },
]);

const mark = StateEffect.define<[number, number] | null>();
const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, change) {
    let found = value.map(change.changes);
    for (const effect of change.effects)
      if (effect.is(mark)) {
        const span = effect.value;
        found = span && span[0] < span[1] ? Decoration.set([Decoration.mark({ class: "chosen" }).range(...span)]) : Decoration.none;
      }
    return found;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Chromium replaces a selection of several lines by elements with a style of their own, which the page's policy refuses.
const overLines = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { doc, readOnly, selection } = view.state;
    const { from, to } = selection.main;
    if (event.inputType !== "insertText" || event.data === null || readOnly || doc.lineAt(from).number === doc.lineAt(to).number) return false;
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

export interface EditorProps {
  file: string;
  text: string; // what the page set; what the author types comes by onChange
  revision: number; // counts what the page set
  findings: Finding[];
  checked: string; // the text that they are about
  words: string[];
  chosen: [number, number] | null;
  caret: { offset: number; count: number } | null; // where to put the caret, once for each count
  readOnly: boolean;
  nonce: string;
  hidden?: boolean;
  onChange: (text: string) => void;
  onCursor: (offset: number) => void;
  onSave: () => void;
}

export function Editor(props: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const left = useRef(new Map<string, [EditorState, StateEffect<unknown>]>()); // of files that were shown: with what can be undone

  const fresh = () => {
    const complete = (context: CompletionContext) => {
      const word = context.matchBefore(/\w+/);
      if (!word && !context.explicit) return null;
      return { from: word?.from ?? context.pos, options: latest.current.words.map((label) => ({ label })) };
    };
    const save = { key: "Mod-s", run: () => (latest.current.onSave(), true), preventDefault: true };
    return EditorState.create({
      doc: latest.current.text,
      extensions: [
        EditorView.cspNonce.of(props.nonce),
        lineNumbers(), highlightSpecialChars(), history(), bracketMatching(), EditorView.lineWrapping, lintGutter(), marks, language, overLines, syntaxHighlighting(colours),
        autocompletion({ override: [complete] }),
        keymap.of([save, ...completionKeymap, ...lintKeymap, ...historyKeymap, indentWithTab, ...defaultKeymap]),
        EditorState.readOnly.of(latest.current.readOnly),
        EditorView.contentAttributes.of({ "aria-label": "Text of the spec", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !update.transactions.some((t) => t.isUserEvent("page")))
            latest.current.onChange(update.state.doc.toString());
          if (update.selectionSet && !update.docChanged) latest.current.onCursor(update.state.selection.main.head);
        }),
      ],
    });
  };

  // Each file has a state of its own: what is undone in one is never the text of another.
  useEffect(() => {
    const known = left.current.get(props.file);
    const editor = new EditorView({ parent: host.current!, state: known?.[0] ?? fresh(), scrollTo: known?.[1] });
    view.current = editor;
    return () => {
      closeCompletion(editor);
      editor.dispatch({ effects: mark.of(null) });
      left.current.set(props.file, [editor.state, editor.scrollSnapshot()]);
      editor.destroy();
    };
  }, [props.file]);

  useEffect(() => {
    const editor = view.current!;
    if (editor.state.doc.toString() !== props.text)
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.text }, userEvent: "page" });
  }, [props.revision, props.file]);

  useEffect(() => {
    const editor = view.current!;
    const end = editor.state.doc.length;
    const shown = props.findings.filter((finding) => !finding.elsewhere).map((finding): Diagnostic => {
      const from = Math.min(finding.start ?? 0, end);
      return {
        from,
        to: Math.min(Math.max(finding.end ?? 0, from), end),
        severity: finding.severity,
        source: finding.code,
        message: [finding.message, ...finding.notes].join("\n"),
        actions: finding.fixes.map((fix) => ({ name: fix.title, apply: (target) => apply(target, fix.edits, latest.current.checked) })),
      };
    });
    editor.dispatch(setDiagnostics(editor.state, shown));
  }, [props.findings]);

  useEffect(() => {
    const editor = view.current!;
    const span = props.chosen && props.chosen[1] <= editor.state.doc.length ? props.chosen : null;
    editor.dispatch({ effects: [mark.of(span), ...(span ? [EditorView.scrollIntoView(span[0], { y: "center" })] : [])] });
  }, [props.chosen?.[0], props.chosen?.[1]]);

  useEffect(() => {
    const editor = view.current!;
    if (!props.caret || props.caret.offset > editor.state.doc.length) return;
    editor.dispatch({ selection: { anchor: props.caret.offset }, effects: EditorView.scrollIntoView(props.caret.offset, { y: "center" }) });
    editor.focus();
  }, [props.caret]);

  return <div class="editor" ref={host} hidden={props.hidden} />;
}

function apply(editor: EditorView, edits: Edit[], checked: string): void {
  if (editor.state.doc.toString() === checked)
    editor.dispatch({ changes: edits.map(({ start, end, text }) => ({ from: start, to: end, insert: text })) });
}

export function withEdits(text: string, edits: Edit[]): string {
  return [...edits].sort((a, b) => b.start - a.start).reduce((t, e) => t.slice(0, e.start) + e.text + t.slice(e.end), text);
}
