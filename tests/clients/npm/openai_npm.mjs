// OpenAI's npm client, helpers included, against the backend that its environment names.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { VERSION } from "openai/version";

const model = "gpt-oss:20b";
const messages = [{ role: "user", content: "Hello" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const client = new OpenAI({ maxRetries: 0 });

const rows = await client.models.list();
assert.equal(rows.data[0].id, model);
assert.equal((await client.models.retrieve(model)).created, rows.data[0].created);

const made = await client.chat.completions.create({ model, messages });
assert.equal(made.choices[0].message.content, "Good day.");

// The helper puts the chunks together, and fails where no chunk names the role.
const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
const final = await stream.finalChatCompletion();
assert.equal(final.choices[0].message.content, "Good day.");
assert.equal(final.choices[0].message.role, "assistant");
assert.equal((await stream.totalUsage()).total_tokens, 120);

const asked = [];
const weather = {
  type: "function",
  function: { name: "weather", description: "The weather", parameters, parse: JSON.parse, function: ({ city }) => (asked.push(city), "7") },
};
for (const streaming of [false, true]) {
  const run = client.chat.completions.runTools({ model, messages, tools: [weather], stream: streaming });
  assert.equal(await run.finalContent(), "It is 7 degrees.");
}
assert.deepEqual(asked, ["Oslo", "Oslo"]);

const schema = { name: "place", strict: true, schema: { ...parameters, additionalProperties: false } };
const form = { type: "json_schema", json_schema: schema };
const parsed = await client.chat.completions.parse({ model, messages, response_format: form });
assert.equal(JSON.parse(parsed.choices[0].message.content).city, "Oslo");

await assert.rejects(client.chat.completions.create({ model, messages, temperature: 3 }), (error) => {
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, "temperature");
  return true;
});
await assert.rejects(client.embeddings.create({ model, input: "x" }), OpenAI.NotFoundError);
await assert.rejects(client.responses.create({ model, input: "x" }), OpenAI.NotFoundError);
await assert.rejects(client.withOptions({ apiKey: "wrong" }).models.list(), OpenAI.AuthenticationError);
console.log(`openai (npm) ${VERSION}`);
