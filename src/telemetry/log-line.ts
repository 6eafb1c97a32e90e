const printFact = (value: unknown): string => {
  if (typeof value === 'string') return /^[\w.:/#+@-]+$/.test(value) ? value : JSON.stringify(value)
  if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string')
    return JSON.stringify(value.message)
  return JSON.stringify(value) ?? 'undefined'
}

/** A log line for a person at a terminal: `13:17:04 warn  connector will try again  connector=lake`. */
export function printLine(timeMs: number, level: string, message: string, facts: Record<string, unknown>): string {
  const time = new Date(timeMs).toTimeString().slice(0, 8)
  let line = `${time} ${level.padEnd(5)} ${message}`
  for (const [name, value] of Object.entries(facts)) line += `  ${name}=${printFact(value)}`
  return `${line}\n`
}
