export type Kind = 'image' | 'table' | 'json' | 'markdown' | 'html' | 'audio' | 'video' | 'text' | 'other';

const KINDS: [Kind, string[]][] = [
  ['image', ['png', 'jpg', 'jpeg', 'gif', 'webp', 'svg', 'bmp', 'avif', 'ico']],
  ['table', ['csv', 'tsv']],
  ['json', ['json', 'ipynb']],
  ['markdown', ['md', 'markdown']],
  ['html', ['html', 'htm']],
  ['audio', ['wav', 'mp3', 'ogg', 'flac']],
  ['video', ['mp4', 'webm']],
  [
    'other',
    [
      'pt',
      'pth',
      'pkl',
      'h5',
      'zip',
      'gz',
      'tar',
      'onnx',
      'safetensors',
      'npy',
      'npz',
      'parquet',
      'pdf',
      'bin',
    ],
  ],
];

export function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
}

/** How a file is shown. What has no known ending is tried as text. */
export function kindOf(path: string): Kind {
  const ending = extension(path);
  return KINDS.find(([, endings]) => endings.includes(ending))?.[0] ?? 'text';
}

/** Text has no zero bytes; what has one is not shown. */
export function isText(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, 8192).includes(0);
}

export interface Table {
  columns: string[];
  rows: string[][];
}

/** RFC 4180: quoted fields may hold separators, quotes and line breaks. */
export function parseCsv(text: string, separator = ','): Table {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  const endField = () => {
    row.push(field);
    field = '';
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && field === '') quoted = true;
    else if (c === separator) endField();
    else if (c === '\n') endRow();
    else if (c !== '\r') field += c;
  }
  if (field !== '' || row.length > 0) endRow();
  const [columns = [], ...rest] = rows;
  return { columns, rows: rest };
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A table as mlflow.log_table writes it (pandas' "split"), or a list of flat objects; else null. */
export function tableOf(json: unknown): Table | null {
  if (Array.isArray(json)) {
    if (
      json.length === 0 ||
      !json.every((item) => item !== null && typeof item === 'object' && !Array.isArray(item))
    )
      return null;
    const columns = [...new Set(json.flatMap((item) => Object.keys(item as object)))];
    return {
      columns,
      rows: json.map((item) => columns.map((name) => cell((item as Record<string, unknown>)[name]))),
    };
  }
  const { columns, data } = (json ?? {}) as { columns?: unknown; data?: unknown };
  if (!Array.isArray(columns) || !Array.isArray(data) || !data.every(Array.isArray)) return null;
  return { columns: columns.map(String), rows: data.map((row: unknown[]) => row.map(cell)) };
}
