import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isHeld,
  NO_HOLDS,
  raiseHold,
  releaseHold,
  scopesOfCreate,
  type HoldCause,
  type HoldScope,
  type HoldState,
} from '../../../../src/domain/batch/holds.js';
import type { ShardControl, ShardReport } from '../../../../src/workflows/protocol/shard-messages.js';
import { ReportContents } from '../../../../src/workflows/shard/messages/report-contents.js';
import { ShardHolds } from '../../../../src/workflows/shard/messages/shard-holds.js';
import { shardControl } from '../../../support/batches/shard-control.js';

const NOW = '2026-06-11T12:00:00.000Z';
const SCOPES = ['account', 'service', 'storage', 'model:pro:text'] as const;
const scopes = fc.constantFrom(...SCOPES);

function causeOf(scope: HoldScope): HoldCause {
  return { scope, code: 'code', message: 'why' };
}

function raise(state: HoldState, scope: HoldScope, seenSeq: number): HoldState {
  return raiseHold(state, causeOf(scope), { seenSeq, now: NOW });
}

describe('the holds of a batch', () => {
  it('hold each scope at most once and count every change', () => {
    const changes = fc.array(fc.record({ scope: scopes, raised: fc.boolean(), age: fc.nat(3) }));
    fc.assert(
      fc.property(changes, (all) => {
        let state = NO_HOLDS;
        for (const { scope, raised, age } of all) {
          const before = state;
          state = raised ? raise(state, scope, Math.max(0, state.seq - age)) : releaseHold(state, scope);
          expect(state.seq).toBe(before.seq + (state === before ? 0 : 1));
          expect(new Set(state.holds.map((hold) => hold.scope)).size).toBe(state.holds.length);
          expect(raised || !isHeld(state, scope)).toBe(true);
        }
      }),
    );
  });

  it('ignore a fault older than the last release of the same scope', () => {
    const held = raise(NO_HOLDS, 'account', 0);
    const released = releaseHold(held, 'account');
    expect(raise(released, 'account', held.seq)).toBe(released);
    expect(isHeld(raise(released, 'account', released.seq), 'account')).toBe(true);
    expect(isHeld(raise(released, 'service', held.seq), 'service')).toBe(true);
  });

  it('stop creates of their own model only', () => {
    expect(scopesOfCreate('nb2:image')).toContain('model:nb2:image');
    expect(scopesOfCreate('nb2:image')).not.toContain('model:nb2:text');
  });
});

/** The batch's side of faults and holds, like its workflow. */
class ModelBatch {
  state = NO_HOLDS;
  seq = 0;
  reportTaken = 0;
  faultTaken = 0;

  take({ seq, faults }: ShardReport): void {
    if (seq <= this.reportTaken) return;
    this.reportTaken = seq;
    for (const { id, cause, holdSeq } of faults) {
      if (id > this.faultTaken) this.state = raise(this.state, cause.scope, holdSeq);
      this.faultTaken = Math.max(this.faultTaken, id);
    }
  }

  control(): ShardControl {
    this.seq += 1;
    return shardControl({
      seq: this.seq,
      heldScopes: this.state.holds.map(({ scope }) => scope),
      holdSeq: this.state.seq,
      reportTaken: this.reportTaken,
    });
  }
}

/** A shard's side. */
class ModelShard {
  readonly holds: ShardHolds;
  readonly reports: ReportContents;

  constructor(control: ShardControl) {
    this.holds = new ShardHolds(control);
    this.reports = new ReportContents({ runSeq: 1, shard: 0, firstRunId: 'run' }, this.holds);
  }

  /** The report of a fault; undefined if there is nothing to report. */
  meet(scope: HoldScope): ShardReport | undefined {
    return this.reports.addFault(causeOf(scope), {}, 0) ? this.reports.next(0) : undefined;
  }
}

describe('the holds of a shard', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('meet' as const), scope: scopes, at: fc.nat(20) }),
      fc.record({ kind: fc.constant('release' as const), scope: scopes, at: fc.nat(20) }),
      fc.record({ kind: fc.constantFrom('up', 'down'), scope: scopes, at: fc.nat(20) }),
    ),
    { maxLength: 60 },
  );

  it('always end once the batch has the last report and releases all holds, in any message order', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const batch = new ModelBatch();
        const shard = new ModelShard(batch.control());
        const up: ShardReport[] = [];
        const down: ShardControl[] = [];
        const takeReport = (at: number): void => {
          const [report] = up.splice(at % Math.max(1, up.length), 1);
          if (!report) return;
          batch.take(report);
          down.push(batch.control());
        };
        for (const { kind, scope, at } of all) {
          if (kind === 'meet') {
            const report = shard.meet(scope);
            if (report) up.push(report);
          } else if (kind === 'release') {
            batch.state = releaseHold(batch.state, scope);
            down.push(batch.control());
          } else if (kind === 'up') takeReport(at);
          else {
            const [control] = down.splice(at % Math.max(1, down.length), 1);
            if (control) shard.reports.take(control);
          }
        }
        while (up.length > 0) takeReport(up.length - 1);
        for (const scope of SCOPES) batch.state = releaseHold(batch.state, scope);
        down.push(batch.control());
        for (const control of down.toReversed()) shard.reports.take(control);
        expect(shard.holds.isHeld(SCOPES)).toBe(false);
      }),
    );
  });

  it('remain until the batch has received the fault', () => {
    const batch = new ModelBatch();
    const shard = new ModelShard(batch.control());
    const report = shard.meet('account');
    expect(shard.meet('account')).toBeUndefined();
    shard.reports.take(batch.control());
    expect(shard.holds.isHeld(['account'])).toBe(true);
    if (!report) throw new Error('The fault was not reported.');
    batch.take(report);
    shard.reports.take(batch.control());
    expect(shard.holds.isHeld(['account'])).toBe(true);
    batch.state = releaseHold(batch.state, 'account');
    shard.reports.take(batch.control());
    expect(shard.holds.isHeld(['account'])).toBe(false);
  });
});
