import { expect } from 'chai';
import { Subject } from 'rxjs';
import { type Patience, tellOutages } from '../../src/cli/outages.js';
import type { Connection, KafkaStatus } from '../../src/index.js';

describe('outages', () => {
  /** What is told of these states, and whether patience ended. */
  async function told(patience: boolean, ...states: KafkaStatus['state'][]): Promise<string[]> {
    const lines: string[] = [];
    const status$ = new Subject<KafkaStatus>();
    await new Promise<void>((resolve) => {
      const giveUp: Patience['giveUp'] = ({ reason, message }) => {
        lines.push(`${reason}: ${message}`);
        resolve();
      };
      const connection = { status$ } as unknown as Connection;
      const outages = tellOutages(
        connection,
        (text) => lines.push(text),
        patience ? { ms: 20, giveUp } : undefined,
      );
      for (const state of states) status$.next({ state, reason: 'gone' });
      setTimeout(resolve, 60);
      outages.add(() => lines.push('closed'));
    });
    status$.complete();
    return lines;
  }

  const lost = 'the broker is lost, reconnecting: gone';

  it('should be told, and their end', async () => {
    const lines = await told(false, 'connected', 'reconnecting', 'connected');
    expect(lines).to.deep.equal([lost, 'connected again', 'closed']);
  });

  it('should end what waits for no longer', async () => {
    const lines = await told(true, 'connected', 'reconnecting');
    expect(lines).to.deep.equal([lost, 'unreachable: the broker was lost for 20 ms: gone', 'closed']);
  });

  it('should end nothing where the broker is found in time', async () => {
    const lines = await told(true, 'reconnecting', 'connected');
    expect(lines).to.deep.equal([lost, 'connected again', 'closed']);
  });
});
