import type { Creates } from './creates.js';
import type { Endpoint } from './endpoints.js';
import type { Evidence } from './evidence.js';
import type { Answer, Service } from './service.js';
import type { Rule, Verdict } from './verdict.js';

/** What a check that sends requests may use. */
export interface Probe {
  readonly service: Service;
  readonly creates: Creates;
  /** The endpoints that this key may use; all of them before `models.endpoints` has run. */
  readonly endpoints: readonly Endpoint[];
  /** An input image that the service can reach, if one was given. */
  readonly inputImage: string | undefined;
  /** Whether a body may be sent that becomes a job if the rule in question does not hold. */
  readonly mayRisk: boolean;
}

/** A check that sends requests, before any image is made. */
export interface RequestCheck extends Rule {
  readonly cost: 'nothing' | 'nothing if it holds';
  ask(probe: Probe): Promise<Verdict>;
}

/** A check of the answers and images that others have collected. */
export interface EvidenceCheck extends Rule {
  readonly cost: 'nothing' | 'the images of the plan';
  look(evidence: Evidence): Verdict;
}

/** The status and text of an answer, for a table. */
export function shown(answer: Answer): string {
  const text = answer.text.replaceAll(/\s+/g, ' ').trim();
  return `${answer.status} ${text.length > 160 ? `${text.slice(0, 159)}…` : text}`.trim();
}
