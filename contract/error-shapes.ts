import { z } from 'zod';

const textShape = z.strictObject({ detail: z.string() });
const objectShape = z.strictObject({
  detail: z.strictObject({
    message: z.string(),
    field: z.string().nullable(),
    details: z.unknown(),
  }),
});
const listShape = z.strictObject({
  detail: z.array(
    z.object({
      loc: z.array(z.union([z.string(), z.number()])),
      msg: z.string(),
      type: z.string(),
    }),
  ),
});

/** The three shapes of an error body. Source: the contract, "Errors". */
export type ErrorShape = 'text' | 'object' | 'list';

/** The shape of a JSON error body; undefined if it has another. */
export function errorShapeOf(json: unknown): ErrorShape | undefined {
  if (textShape.safeParse(json).success) return 'text';
  if (objectShape.safeParse(json).success) return 'object';
  return listShape.safeParse(json).success ? 'list' : undefined;
}

/**
 * The fields that an error names, the outermost part of each: all of a list, at most one of an object, none of a text.
 */
export function fieldsNamed(json: unknown): ReadonlySet<string> {
  const list = listShape.safeParse(json);
  if (list.success) {
    return new Set(list.data.detail.map(({ loc }) => String(loc.find((step) => step !== 'body') ?? '')));
  }
  const object = objectShape.safeParse(json);
  return new Set(object.success && object.data.detail.field !== null ? [object.data.detail.field] : []);
}

/** The text of an error; empty if it has none. */
export function errorText(json: unknown): string {
  const text = textShape.safeParse(json);
  if (text.success) return text.data.detail;
  const object = objectShape.safeParse(json);
  if (object.success) return object.data.detail.message;
  const list = listShape.safeParse(json);
  if (!list.success) return '';
  return list.data.detail.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; ');
}
