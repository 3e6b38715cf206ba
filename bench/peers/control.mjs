// What every peer on Node shares: it is told what to publish on its standard input, one JSON object a line, and answers
// on its standard output. See control.py for the commands.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

export const typeDefs = readFileSync(new URL('session.graphql', import.meta.url), 'utf8')

const MOST_AT_ONCE = 64

const now = () => Number(process.hrtime.bigint() / 1000n)
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)

/** Serves commands; `publish(id, delta)` tells all windows of a session. */
export function obey(port, publish) {
  const ids = []
  say({ port })
  createInterface({ input: process.stdin })
    .on('line', async (line) => {
      const { command, ...options } = JSON.parse(line)
      if (command === 'prepare') {
        for (let n = ids.length; n < options.sessions; n++) {
          ids.push(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`)
        }
        say({ ids: ids.slice(0, options.sessions) })
      } else {
        say(await paced(ids, options, publish))
      }
    })
    .on('close', () => process.exit(0))
}

/** Publishes numbers from 1 to `count` to each session, `rate` a second, spread evenly, each stamped with its due time. */
async function paced(ids, { sessions, rate, count }, publish) {
  const start = now() + 100_000
  const gap = 1e6 / (rate * sessions)
  const all = sessions * count
  for (let said = 0; said < all; ) {
    const ahead = start + said * gap - now()
    if (ahead > 0) {
      await new Promise((resume) => setTimeout(resume, Math.floor(ahead / 1000)))
    }
    for (let most = MOST_AT_ONCE; most > 0 && said < all && start + said * gap <= now(); most--, said++) {
      const number = Math.floor(said / sessions) + 1
      publish(ids[said % sessions], delta(ids[said % sessions], number, Math.round(start + said * gap)))
    }
    await new Promise(setImmediate)
  }
  return { start, end: now() }
}

function delta(id, number, stamp) {
  const text = `${String(number).padStart(7, '0')} ${String(stamp).padStart(16, '0')} `
  return { __typename: 'TextDelta', runId: id, messageId: id, index: 0, offset: 25 * number, text }
}
