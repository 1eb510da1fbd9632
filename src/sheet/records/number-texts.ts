import { isLosslessNumber, parse, stringify } from 'lossless-json';
import { jsonAsText, type JsonValue } from '../../domain/text/json.js';

/** Numbers that `JSON.stringify` may write differently: `1.50`, `1e3`, `-0`, long ones; also matches some texts. */
const MAYBE_REWRITTEN = /[:,[]\s*-?(?:\d[\d.]{15}|\d[\d.]*[eE]|\d+\.\d*0(?!\d)|0\.0{6}|(?<=-)0(?![\d.]))/;

/**
 * The values of a JSON object's text, by key, that `jsonAsText` would write with different digits: as JSON text with
 * the original digits. Undefined if there are none. `values` are the same, parsed.
 */
export function numberTexts(
  json: string,
  keys: readonly string[],
  values: readonly JsonValue[],
): readonly (string | undefined)[] | undefined {
  if (!MAYBE_REWRITTEN.test(json)) return undefined;
  const exact = parse(json, undefined, { onDuplicateKey: ({ newValue }) => newValue });
  if (typeof exact !== 'object' || exact === null) return undefined;
  const written = new Map<string, unknown>(Object.entries(exact));
  const texts = keys.map((key, index) => {
    const value = written.get(key);
    // For a text, digits do not matter.
    if (typeof value !== 'object' || value === null) return undefined;
    const text = isLosslessNumber(value) ? value.value : stringify(value);
    return text === jsonAsText(values[index]) ? undefined : text;
  });
  return texts.some((text) => text !== undefined) ? texts : undefined;
}
