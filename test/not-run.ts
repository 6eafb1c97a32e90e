import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

/** A reporter that says only what was not run, and why: one line a test. */
export default async function* notRun(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const reason = data.skip ?? data.todo
    if (reason === undefined || reason === false) continue
    const file = data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `
    yield `${file}${data.name}: ${typeof reason === 'string' && reason !== '' ? reason : 'no reason is given'}\n`
  }
}
