/** Tells its parent how many bytes a call allocates: in a process of its own, where V8 has seen nothing else. */
import { allocatedBy } from './allocated.js';
import { startEcho } from './echo.js';

const calls = Number(process.argv[2]);
const echo = await startEcho();
await echo.turns(calls);
process.send?.((await allocatedBy(() => echo.turns(calls))) / calls);
