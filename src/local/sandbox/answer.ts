/** The answer to a request, before it is written to the socket. */
export type Answer =
  | {
      readonly kind: 'json';
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'html'; readonly status: number }
  | { readonly kind: 'empty'; readonly status: number }
  | { readonly kind: 'xml'; readonly status: number; readonly code: string; readonly message: string }
  /** The connection is cut without an answer. */
  | { readonly kind: 'drop' };

/** One entry of the list shape of an error body. */
export interface FieldProblem {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** An error with a text: `{"detail": "text"}`. */
export function textError(status: number, detail: string): Answer {
  return { kind: 'json', status, body: { detail } };
}

/** An error with an object: `{"detail": {"message", "field", "details"}}`. */
export function objectError(status: number, message: string, field: string | null = null): Answer {
  return { kind: 'json', status, body: { detail: { message, field, details: null } } };
}

/** A 422 with the list of what is wrong: `{"detail": [{"loc", "msg", "type"}]}`. */
export function fieldErrors(problems: readonly FieldProblem[]): Answer {
  return { kind: 'json', status: 422, body: { detail: problems } };
}

/** The name under which the statistics count an answer: its status, or `dropped`. */
export function labelOf(answer: Answer): string {
  return answer.kind === 'drop' ? 'dropped' : String(answer.status);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** A proxy's error page. */
export function htmlPage(status: number): string {
  return `<!DOCTYPE html>\n<html><head><title>${status} error</title></head><body><center><h1>${status} error</h1></center><hr><center>proxy</center></body></html>\n`;
}

/** The error document of an S3-like image store. */
export function xmlPage(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message></Error>`;
}

/** Content type and text of an answer that is not a drop. */
export function writtenForm(answer: Exclude<Answer, { kind: 'drop' }>): {
  readonly type: string;
  readonly text: string;
} {
  if (answer.kind === 'json') return { type: 'application/json', text: JSON.stringify(answer.body) };
  if (answer.kind === 'xml') return { type: 'application/xml', text: xmlPage(answer.code, answer.message) };
  if (answer.kind === 'html') return { type: 'text/html; charset=utf-8', text: htmlPage(answer.status) };
  return { type: 'text/plain', text: '' };
}
