/**
 * Permanent faults of one prompt, by a marker in it:
 *
 * - `[[create-502]]`: every create is answered by a proxy's 502, and no job is made.
 * - `[[bad-job-id]]`: the job is made, and the answer has an id that cannot be used in a URL.
 * - `[[poll-524]]`: every poll of its job is answered by a proxy's 524.
 * - `[[image-500]]`: every request for its image is answered with 500.
 */
export type Poison = 'create-502' | 'bad-job-id' | 'poll-524' | 'image-500';

export function isPoisoned(prompt: string, poison: Poison): boolean {
  return prompt.includes(`[[${poison}]]`);
}
