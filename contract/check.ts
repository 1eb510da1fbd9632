import type { Creates } from './creates.js';
import type { Endpoint } from './endpoints.js';
import type { Evidence } from './evidence.js';
import type { Answer, Service } from './service.js';
import type { Rule, Verdict } from './verdict.js';

/** What a check that asks the service itself may use. */
export interface Probe {
  readonly service: Service;
  readonly creates: Creates;
  /** The endpoints that this key may use; all until `models.endpoints` has looked. */
  readonly endpoints: readonly Endpoint[];
  /** An input image that the service can reach, where one was given. */
  readonly inputImage: string | undefined;
  /** Whether a body may be sent that only the rule in question keeps from becoming a job. */
  readonly mayRisk: boolean;
}

/** A check that asks the service, before any image is made. */
export interface AskingCheck extends Rule {
  readonly cost: 'nothing' | 'nothing if it holds';
  ask(probe: Probe): Promise<Verdict>;
}

/** A check that looks at the answers and images that others have brought. */
export interface LookingCheck extends Rule {
  readonly cost: 'nothing' | 'the images of the plan';
  look(evidence: Evidence): Verdict;
}

/** The status of an answer and what it says, for a table. */
export function shown(answer: Answer): string {
  const text = answer.text.replaceAll(/\s+/g, ' ').trim();
  return `${answer.status} ${text.length > 160 ? `${text.slice(0, 159)}…` : text}`.trim();
}
