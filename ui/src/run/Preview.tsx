import { Download } from 'lucide';
import { useMemo, useRef } from 'preact/hooks';
import { bytes } from '../base/api';
import type { ArtifactFile } from '../base/api-types';
import { integer, bytes as size } from '../base/format';
import { Icon } from '../base/Icon';
import { Markdown } from '../base/Markdown';
import { Empty, Loading, Problem } from '../base/Panels';
import { useQuery } from '../base/query';
import ui from '../base/ui.module.css';
import { useVirtualRows } from '../base/virtual';
import { extension, isText, type Kind, kindOf, parseCsv, type Table, tableOf } from './files';
import css from './run.module.css';
import { nameOf, type Store } from './tree';

/** More than this of a file is not read into the page. */
const MOST_BYTES = 2_000_000;
const LINE = 18;
const TABLE_ROW = 26;

export function DownloadLink({ store, path }: { store: Store; path: string }) {
  return (
    <a class={ui.button} href={store.url(path, true)} download={nameOf(path)}>
      <Icon of={Download} size={15} />
      Download
    </a>
  );
}

function Lines({ text }: { text: string }) {
  const lines = useMemo(() => text.split('\n'), [text]);
  const longest = useMemo(() => lines.reduce((most, line) => Math.max(most, line.length), 0), [lines]);
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, lines.length, LINE);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section ref={scroller} class={css.previewBody} tabIndex={0} aria-label="Text">
      <div
        class={css.lines}
        style={{ height: `${rows.total + 16}px`, minWidth: `${longest + 12}ch`, marginTop: '8px' }}
      >
        {lines.slice(rows.first, rows.last + 1).map((line, i) => (
          <div key={rows.first + i} style={{ top: `${(rows.first + i) * LINE}px` }}>
            <i>{rows.first + i + 1}</i>
            {line}
          </div>
        ))}
      </div>
    </section>
  );
}

function TableView({ table }: { table: Table }) {
  const scroller = useRef<HTMLElement>(null);
  const rows = useVirtualRows(scroller, table.rows.length, TABLE_ROW);
  const columns = useMemo(() => {
    const widths = table.columns.map((name, column) => {
      const longest = table.rows
        .slice(0, 200)
        .reduce((most, row) => Math.max(most, row[column]?.length ?? 0), name.length);
      return `minmax(${Math.min(48, Math.max(6, longest + 2))}ch, 1fr)`;
    });
    return widths.join(' ');
  }, [table]);
  const grid = { gridTemplateColumns: columns };
  const isNumber = (text: string) => text !== '' && !Number.isNaN(Number(text));
  return (
    <section
      ref={scroller}
      class={css.previewBody}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
      tabIndex={0}
      aria-label={`Table of ${integer(table.rows.length)} rows`}
    >
      <div class={css.csv} role="table" aria-rowcount={table.rows.length + 1}>
        <div class={css.csvHead} role="row" style={grid}>
          {table.columns.map((name, column) => (
            <span
              key={column}
              role="columnheader"
              title={name}
              class={isNumber(table.rows[0]?.[column] ?? '') ? 'num' : ''}
            >
              {name}
            </span>
          ))}
        </div>
        <div role="rowgroup" style={{ position: 'relative', height: `${rows.total}px` }}>
          {table.rows.slice(rows.first, rows.last + 1).map((row, i) => (
            <div
              key={rows.first + i}
              class={css.csvRow}
              role="row"
              aria-rowindex={rows.first + i + 2}
              style={{ ...grid, top: `${(rows.first + i) * TABLE_ROW}px` }}
            >
              {table.columns.map((_, column) => (
                <span
                  key={column}
                  role="cell"
                  title={row[column]}
                  class={isNumber(row[column] ?? '') ? 'num' : ''}
                >
                  {row[column]}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}

/** JSON in the form that says most: a table when it is one, else indented text. */
function Json({ text }: { text: string }) {
  const parsed = useMemo(() => {
    try {
      return { json: JSON.parse(text) as unknown };
    } catch {
      return null; // MLflow writes NaN, which JSON has not: shown as it is
    }
  }, [text]);
  const table = parsed && tableOf(parsed.json);
  if (table) return <TableView table={table} />;
  return <Lines text={parsed ? JSON.stringify(parsed.json, null, 2) : text} />;
}

function Content({ kind, path, text }: { kind: Kind; path: string; text: string }) {
  const table = useMemo(
    () => (kind === 'table' ? parseCsv(text, extension(path) === 'tsv' ? '\t' : ',') : null),
    [kind, path, text],
  );
  if (table) return <TableView table={table} />;
  if (kind === 'json') return <Json text={text} />;
  if (kind === 'markdown') {
    return (
      <div class={css.previewBody} style={{ padding: '14px 18px' }}>
        <Markdown text={text} />
      </div>
    );
  }
  return <Lines text={text} />;
}

function NoPreview({ store, file, why }: { store: Store; file: ArtifactFile; why: string }) {
  return (
    <Empty title={why}>
      <p>{size(file.size_bytes)}</p>
      <DownloadLink store={store} path={file.path} />
    </Empty>
  );
}

function TextPreview({ store, file, kind }: { store: Store; file: ArtifactFile; kind: Kind }) {
  const { data, error, retry } = useQuery({
    key: ['file', store.key, file.path, file.size_bytes],
    fetch: async (signal) => {
      const { data: raw, whole } = await bytes(store.url(file.path), MOST_BYTES, signal);
      return { text: isText(raw) ? new TextDecoder().decode(raw) : null, whole };
    },
  });
  if (error)
    return (
      <div style={{ padding: '14px' }}>
        <Problem error={error} retry={retry} />
      </div>
    );
  if (!data) return <Loading rows={8} />;
  if (data.text === null)
    return <NoPreview store={store} file={file} why="No preview for this kind of file" />;
  return (
    <>
      {!data.whole && (
        <p class={css.note}>
          The first {size(MOST_BYTES)} of {size(file.size_bytes)}. Download it to see the rest.
        </p>
      )}
      <Content kind={data.whole || kind === 'table' ? kind : 'text'} path={file.path} text={data.text} />
    </>
  );
}

/** A file as far as a browser can show it. HTML gets a frame that may run nothing and reach nothing. */
export function Preview({ store, file }: { store: Store; file: ArtifactFile }) {
  const kind = kindOf(file.path);
  const url = store.url(file.path);
  if (kind === 'image') {
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
      <section class={css.previewBody} tabIndex={0} aria-label="Image">
        <div class={css.image}>
          <img src={url} alt={file.path} />
        </div>
      </section>
    );
  }
  if (kind === 'html' && store.inline)
    return <iframe class={css.frame} sandbox="" src={url} title={file.path} />;
  // biome-ignore lint/a11y/useMediaCaption: recordings of a training run have no captions
  if (kind === 'audio') return <audio controls src={url} style={{ margin: '20px' }} />;
  // biome-ignore lint/a11y/useMediaCaption: recordings of a training run have no captions
  if (kind === 'video') return <video controls src={url} style={{ maxWidth: '100%' }} />;
  if (kind === 'other') return <NoPreview store={store} file={file} why="No preview for this kind of file" />;
  return <TextPreview store={store} file={file} kind={kind} />;
}
