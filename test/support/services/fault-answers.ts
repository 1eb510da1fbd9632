import type { Behaviour, Match } from './fault-proxy.js';

/** 503 as an overloaded S3 server sends it. */
export const SLOW_DOWN = s3Refusal(503, 'SlowDown', 'Please reduce your request rate.');

/** 403 as S3 sends it without permission. */
export const ACCESS_DENIED = s3Refusal(403, 'AccessDenied', 'Access Denied');

/** The connection is cut instead of an answer. */
export const DROPPED: Behaviour = { kind: 'drop' };

/** 200 with truncated JSON. */
export const HALF_A_DOCUMENT: Behaviour = {
  kind: 'answer',
  answer: { status: 200, headers: { 'content-type': 'application/json' }, body: '{"job_id":"' },
};

/** A proxy's error page, such as of 502, 521 or 524. */
export function htmlPage(status: number): Behaviour {
  return {
    kind: 'answer',
    answer: {
      status,
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: `<!DOCTYPE html><html><head><title>${status}</title></head><body><h1>Error ${status}</h1></body></html>`,
    },
  };
}

/** Puts of keys that contain `part`. */
export function puts(part: string): Match {
  return ({ method, path }) => method === 'PUT' && path.includes(part);
}

/** Requests of all kinds for keys that contain `part`, also as the prefix of a list. */
export function touches(part: string): Match {
  return ({ path, query }) => path.includes(part) || (query.get('prefix') ?? '').includes(part);
}

/** Requests to create a job. */
export const CREATES: Match = ({ method, path }) => method === 'POST' && path.endsWith('-generations');

/** Polls of a job. */
export const POLLS: Match = ({ method, path }) => method === 'GET' && path.includes('/jobs/');

function s3Refusal(status: number, code: string, message: string): Behaviour {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { kind: 'answer', answer: { status, headers: { 'content-type': 'application/xml' }, body } };
}
