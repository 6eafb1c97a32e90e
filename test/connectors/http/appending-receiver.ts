/**
 * A receiver as a process of its own, so that it can be killed: writes identity and body of each request to a file as a
 * line, and answers when the line is written. The arguments are port and file.
 */
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [port, file] = process.argv.slice(2)
createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  appendFileSync(file!, `${request.headers['idempotency-key']} ${body}\n`)
  response.end()
}).listen(Number(port), '127.0.0.1')
