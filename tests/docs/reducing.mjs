// Reads a list of events of one session, and prints the state after each, or why there is none.
import { after, nothing } from "./reducer.mjs";

let input = "";
for await (const chunk of process.stdin) input += chunk;
let state = nothing;
const states = [];
for (const event of JSON.parse(input)) {
  try {
    state = after(state, event);
    states.push(state);
  } catch (error) {
    states.push(error.message);
  }
}
console.log(JSON.stringify(states));
