// Reads one request per line, {"do": ..., ...}, and answers each with a line: the scheme's own library, asked from Python.
'use strict';
const readline = require('node:readline');
const { Jws, Ilp } = require('@mojaloop/sdk-standard-components');

const logger = { child: () => logger, isDebugEnabled: false };
for (const level of ['debug', 'info', 'warn', 'error', 'verbose', 'push', 'log']) logger[level] = () => logger;

const DO = {
    sign({ key, method, url, headers, body }) {
        const options = { method, uri: url, headers: { ...headers }, body };
        new Jws.signer({ logger, signingKey: key }).sign(options);
        return { headers: options.headers, body: options.body };
    },
    verify({ keys, headers, body }) {
        new Jws.validator({ logger, validationKeys: keys }).validate({ headers, body });
        return { good: true };
    },
    packet({ version, secret, quote, answer }) {
        return Ilp.ilpFactory(version, { secret, logger }).getQuoteResponseIlp(quote, answer);
    },
    fulfils({ version, fulfilment, condition }) {
        return { good: Ilp.ilpFactory(version, { secret: 'x', logger }).validateFulfil(fulfilment, condition) };
    },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const asked = JSON.parse(line);
    let said;
    try {
        said = DO[asked.do](asked);
    } catch (error) {
        said = { error: String(error.message).slice(0, 300) };
    }
    process.stdout.write(JSON.stringify(said) + '\n');
});
