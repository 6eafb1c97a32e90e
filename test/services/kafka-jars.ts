import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { needTools } from './tools.ts'

const run = promisify(execFile)
const version = '4.1.1'

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>trestle.test</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`

/** The folder with Kafka's jars, fetched by Maven once. *Errors*: what is missing and how to get it. */
export async function kafkaJars(progress: (line: string) => void = () => {}): Promise<string> {
  await needTools([{ command: 'java', packages: ['openjdk-17-jre-headless', 'default-jre-headless'] }], progress)
  return cached(`kafka-${version}`, async (folder) => {
    await needTools([{ command: 'mvn', packages: ['maven'] }], progress)
    progress(`fetching Kafka ${version} (43 MB)`)
    await writeFile(join(folder, 'pom.xml'), pom)
    const args = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime']
    await run('mvn', args, { cwd: folder, maxBuffer: 1 << 26 })
  })
}
