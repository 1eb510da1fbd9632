import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isHeld,
  NO_HOLDS,
  raiseHold,
  releaseHold,
  scopesOfCreate,
  type HoldScope,
  type HoldState,
} from '../../../../src/domain/batch/holds.js';
import type { ShardControl } from '../../../../src/workflows/protocol/shard-messages.js';
import { ShardHolds } from '../../../../src/workflows/shard/shard-control.js';
import { shardControl } from '../../../support/batches/shard-control.js';

const NOW = '2026-06-11T12:00:00.000Z';
const SCOPES = ['account', 'service', 'storage', 'model:pro:text'] as const;
const scopes = fc.constantFrom(...SCOPES);

function raise(state: HoldState, scope: HoldScope, seenSeq: number): HoldState {
  return raiseHold(state, { scope, code: 'code', message: 'why' }, { seenSeq, now: NOW });
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

  it('ignore a fault that is older than the last release of its scope, and of no other', () => {
    const held = raise(NO_HOLDS, 'account', 0);
    const released = releaseHold(held, 'account');
    expect(raise(released, 'account', held.seq)).toBe(released);
    expect(isHeld(raise(released, 'account', released.seq), 'account')).toBe(true);
    expect(isHeld(raise(released, 'service', held.seq), 'service')).toBe(true);
  });

  it('stop a create by its own model, and not by another', () => {
    expect(scopesOfCreate('nb2:image')).toContain('model:nb2:image');
    expect(scopesOfCreate('nb2:image')).not.toContain('model:nb2:text');
  });
});

/** The parent's side of faults and holds, as the batch's workflow does it. */
class ModelParent {
  state = NO_HOLDS;
  seq = 0;
  faultsTaken = 0;

  takeFault(fault: { readonly scope: HoldScope; readonly count: number; readonly holdSeq: number }): void {
    this.faultsTaken = Math.max(this.faultsTaken, fault.count);
    this.state = raise(this.state, fault.scope, fault.holdSeq);
  }

  control(): ShardControl {
    this.seq += 1;
    return shardControl({
      seq: this.seq,
      heldScopes: this.state.holds.map(({ scope }) => scope),
      holdSeq: this.state.seq,
      faultsTaken: this.faultsTaken,
    });
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

  it('always end once the parent has taken in all faults and released all holds, in whatever order messages came', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const parent = new ModelParent();
        const shard = new ShardHolds(parent.control());
        const up: { scope: HoldScope; count: number; holdSeq: number }[] = [];
        const down: ShardControl[] = [];
        const takeFault = (at: number): void => {
          const [fault] = up.splice(at % Math.max(1, up.length), 1);
          if (!fault) return;
          parent.takeFault(fault);
          down.push(parent.control());
        };
        for (const { kind, scope, at } of all) {
          if (kind === 'meet') {
            const { holdSeq } = shard;
            const count = shard.meet(scope);
            if (count !== undefined) up.push({ scope, count, holdSeq });
          } else if (kind === 'release') {
            parent.state = releaseHold(parent.state, scope);
            down.push(parent.control());
          } else if (kind === 'up') takeFault(at);
          else {
            const [control] = down.splice(at % Math.max(1, down.length), 1);
            if (control) shard.take(control);
          }
        }
        while (up.length > 0) takeFault(0);
        for (const scope of SCOPES) parent.state = releaseHold(parent.state, scope);
        down.push(parent.control());
        for (const control of down.toReversed()) shard.take(control);
        expect(shard.isHeld(SCOPES)).toBe(false);
      }),
    );
  });

  it('stand by themselves until the parent has taken the fault in', () => {
    const parent = new ModelParent();
    const shard = new ShardHolds(parent.control());
    const { holdSeq } = shard;
    const count = shard.meet('account');
    expect(shard.meet('account')).toBeUndefined();
    shard.take(parent.control());
    expect(shard.isHeld(['account'])).toBe(true);
    parent.takeFault({ scope: 'account', count: count ?? 0, holdSeq });
    shard.take(parent.control());
    expect(shard.isHeld(['account'])).toBe(true);
    parent.state = releaseHold(parent.state, 'account');
    shard.take(parent.control());
    expect(shard.isHeld(['account'])).toBe(false);
  });
});
