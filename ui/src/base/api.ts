import type { Problem } from './api-types';
import { BASE } from './location';

export { at } from './location';

export const API = `${BASE}api/trackside/v1/`;

/** An answer that is not 2xx, or no answer at all (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function problem(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as Problem | null;
  const message = body?.message ?? `The server answered ${response.status} ${response.statusText}.`;
  return new ApiError(response.status, body?.code ?? 'UNKNOWN', message);
}

async function send(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  const init: RequestInit = { method, headers, ...(signal && { signal }) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    headers['Content-Type'] = 'application/json';
  }
  let response: Response;
  try {
    response = await fetch(path.startsWith('/') ? path : API + path, init);
  } catch (error) {
    if (error instanceof DOMException) throw error; // aborted: nobody waits for it any more
    throw new ApiError(0, 'OFFLINE', 'The server does not answer. Is it running, and is the network up?');
  }
  if (response.status === 401) toSignIn();
  if (!response.ok) throw await problem(response);
  return response;
}

/** The session has ended: the server's page asks again who this is, and comes back here. */
function toSignIn(): void {
  const here = `./${location.pathname.slice(BASE.length)}${location.search}`;
  location.assign(`${BASE}signin?next=${encodeURIComponent(here)}`);
}

/** `path` is below our own API; one that begins with a slash is taken as it is. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send('GET', path, undefined, signal)).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
  return (await send('POST', path, body, signal)).json() as Promise<T>;
}

/** An answer that is not JSON, of the media type asked for. */
export async function postFor(
  accept: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  return (await send('POST', path, body, signal, { Accept: accept })).arrayBuffer();
}

export async function patch<T>(path: string, body: unknown): Promise<T> {
  return (await send('PATCH', path, body)).json() as Promise<T>;
}

export async function put(path: string, body: unknown): Promise<void> {
  await send('PUT', path, body);
}

export async function remove(path: string): Promise<void> {
  await send('DELETE', path);
}

/** Bytes of an artifact, at most `limit`; `whole` tells whether that was all of it. */
export async function bytes(
  url: string,
  limit: number,
  signal: AbortSignal,
): Promise<{ data: Uint8Array<ArrayBuffer>; whole: boolean }> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw await problem(response);
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = await reader?.read();
    if (!chunk || chunk.done) return { data: join(parts, size), whole: true };
    parts.push(chunk.value);
    size += chunk.value.length;
    if (size > limit) {
      await reader?.cancel();
      return { data: join(parts, size).slice(0, limit), whole: false };
    }
  }
}

function join(parts: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let position = 0;
  for (const part of parts) {
    all.set(part, position);
    position += part.length;
  }
  return all;
}
