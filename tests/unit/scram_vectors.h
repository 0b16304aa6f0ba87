/*
 * scram_vectors.h - verifiers that PostgreSQL 15.20 made by ALTER ROLE v PASSWORD E'\\x...' in a database
 * of encoding SQL_ASCII (so that any bytes are accepted).
 */
#ifndef PGSIGNET_SCRAM_VECTORS_H
#define PGSIGNET_SCRAM_VECTORS_H

struct scram_vector {
    const char *name;
    const char *password; /* hexadecimal */
    const char *verifier;
};

/* clang-format off */
static const struct scram_vector scram_vectors[] = {
    {"ASCII",
     "70617373776f7264",
     "SCRAM-SHA-256$4096:F4FQpKTa14roct4CBBzMRg==$"
     "bTt0McsskJ1QhbL+blyWUZHDRuqoTjC7u5P4o7hHvaM=:CzAblUNGY7TFmUNa7kcsD51pa2Dio8jFY8uW4ZCvJHs="},
    {"ASCII with a blank, a tab and a backslash",
     "206109625c63272022",
     "SCRAM-SHA-256$4096:+jQPRyLzoWKeZ4jYYV4LPg==$"
     "bFsZ9td9eu9YxxJGDiyBb4RLPtV8cD/oIDHgBbBeWqE=:yv60OfhDuIBxzmKoKDXEHIsFYomRUEml5XCnUXQen1M="},
    {"control character in ASCII passes unchecked",
     "610762",
     "SCRAM-SHA-256$4096:rIkqWQ7kxXdPJ8nOgOy1cA==$"
     "pPTuSoR1BL0s4Dl/QZUQJVkQI3itGa+Q2pJdXJXLlGo=:Ok7TyzJzYN6pH/y7a2CRt3pE6nQ2OhLsEcE7W3EqMKI="},
    {"NFC stays",
     "636166c3a9",
     "SCRAM-SHA-256$4096:JKuQMQNtK0dZd4h4LaXSEA==$"
     "M/f8LDkraLgAC1umJLLftbnIoR52Uy6eQZ24H47ofRc=:1ztda5HknqaqKFEpZP1EE69ZveVkupWu8jquRY6stnw="},
    {"combining acute composes",
     "63616665cc81",
     "SCRAM-SHA-256$4096:hvOBijhBvbWSk2h1JeHOjQ==$"
     "/Bd3a6NgaRiazbRRgQlL1xw6TDDXj5SBJtCM8n22e9s=:VLmX5ks0E3upGdLO8zzcFEkrpfQSwfNWKdHGtBQYhjU="},
    {"ligature and full-width fold (NFKC)",
     "efac81efbca1e285a8",
     "SCRAM-SHA-256$4096:lSgyC9eyZmUjBFwln6/zoQ==$"
     "z4jgk2bCudvf80jhrvNJ0i7G0J8bMkGUdGeBNaiVdng=:DD1D/OF7DTOp6YxbqIezdoq8ctMM9EEHl4fJrCVLSBw="},
    {"no-break space becomes a space",
     "61c2a062",
     "SCRAM-SHA-256$4096:oRtYUprgagLxfo9JSTF1vw==$"
     "5WGHsfC9dJez3I/mowPrbK0qKNZ0hgVSTcTqjCNqx8I=:v+YeP5HmjZX1tXJGtc/FCDk1cZoK6Vp9AtLU6o1zOwA="},
    {"ideographic space becomes a space",
     "61e3808062",
     "SCRAM-SHA-256$4096:wOxh779Qf797c4PDrHuDFg==$"
     "tR7tPYSfCW4aAryGH9ZX5bqo0JD3mxtSzy4ebL3O/WU=:32pupaOSh///xzxdymjWKYWog0SjISzrVexYwgcX91Q="},
    {"zero-width space becomes a space",
     "61e2808b62",
     "SCRAM-SHA-256$4096:6dGXd+/1U8HaZVLUi+dUmg==$"
     "dMDRjF/tt5ZlRIMSe0QdM4ooBr+HfUdPQXEPtx5hcVI=:3e2heKuTGo1A9VTqqC5KaVFT3vlx7qtrlV3rBVsxni8="},
    {"soft hyphen vanishes",
     "49c2ad58",
     "SCRAM-SHA-256$4096:24my3osoe2EUVFFWdirpWw==$"
     "OYs5TJzfLBw6a+e6MyzjuVKTiEswdE/A5+j3mhdg4HU=:RvjI5bj6cTBAYR6u6YPUxS7XmwJt+TR+ixWROg+VfJE="},
    {"soft hyphen alone stays raw",
     "c2ad",
     "SCRAM-SHA-256$4096:HhhdV/X7UCkiLCLHCHWaxg==$"
     "BOERH1449yveluintUHNfeiRja81wIq/ShSOv7aSTLY=:kQ/2gEg9ooacPLG36TDgwJsXA4QSxaK6O/K/6bgCVA0="},
    {"Hebrew",
     "d7a9d79cd795d79d",
     "SCRAM-SHA-256$4096:hWqXKcTGzKta37GtHDOqdA==$"
     "kH+0Lkhcg8Ye9QEWHP28Ru9+cZHM41s6PpGpLm76hKY=:I9ubGKTZBMTb73L9IST4g0ca3+Cug1lDwlhh6Xywbfs="},
    {"Arabic with a digit inside",
     "d8a731d8a8",
     "SCRAM-SHA-256$4096:MDPCDj9dRbtB0gvbHlpDZw==$"
     "kWnH4OcOl+QoZC/DyB+xlyBn5vlrr32k42W2uidMZVk=:APOC/mwtm9L5EafwZwdtMyUkWbVnQ5QTBrS2NkS51C8="},
    {"Arabic ending in a digit stays raw",
     "d8a731efac81",
     "SCRAM-SHA-256$4096:Npp8h47y5zV+daZhByC0qw==$"
     "aq2e0JKMHAvFqKjK9oDiSPjXxPhgeeS00FcDZEBFCbM=:5r5RT5f84xg0UpTfoc9May6mI3w78K8d8LyiOj9o8d8="},
    {"mixed directions stay raw",
     "61d790efac81",
     "SCRAM-SHA-256$4096:MZELOGbZV5Zj6xz7pp/OXA==$"
     "Rb4WHnFifveK5EZKPyNJFH5Am4BE2kC9L0kO0pG05LM=:f831mmVrZ4PuZBVkRviEdTba8bmZKlvShK4MNF/8Nl4="},
    {"alef symbol is left-to-right before NFKC",
     "61e284b5",
     "SCRAM-SHA-256$4096:iCCXg53Dsvq0eaMDqi7qOQ==$"
     "DFi8O6WoUJxTWPdxSK4UV8stkM5g1bzLJ+ZoNYxU3T4=:1g5WqjeW4jH9+mzZzLoWz5uN70bNc4OpaQrv9meqW44="},
    {"decomposed alef madda stays raw",
     "d8a7d993",
     "SCRAM-SHA-256$4096:Oy164HHfHpeRGOcM1uKIsw==$"
     "XrZuCKEWbEjTQhTfUEQcRd5Zx5yHtHonEdOfEtuLwpU=:10ZNQf6SBFN14cIvnkUe18PR+Mnb8uwFE5bhFmYrP5A="},
    {"grave tone mark is prohibited though NFKC mends it",
     "61cd80",
     "SCRAM-SHA-256$4096:Dc+Mx/cJqoJtOMLyQJVumA==$"
     "zKJUgKYIciviJ2GZvtZgAIZi97UkPjFln37zXxoDakk=:p//oV3RUKKPDyLqPSECKlWIAb9Ptv72bftnPxnbpeo4="},
    {"emoji is unassigned, ligature stays raw",
     "f09f9880efac81",
     "SCRAM-SHA-256$4096:MQXMuo7pousUKfKlnEIe5Q==$"
     "BK4h2YnEl1sDphIExBrG6QwS2kw/k9Rqv/uP8A6IVKY=:5z4BfGS600YCD4gQxi6ad3BHPpQ7yUUrK4ThjA/1cEM="},
    {"private use stays raw",
     "ee8080efac81",
     "SCRAM-SHA-256$4096:+P2El7MBaOKVr1ljlgKJ6Q==$"
     "ImIduixU2JEB0yiUVPcHgMQ6kciGEGHDjdixlvifSic=:mj96MkRKAFEdr1jXKlmIdwTfXHfkMYwG8oeePLWWsLc="},
    {"control picture in UTF-8 stays raw",
     "07c3a9efac81",
     "SCRAM-SHA-256$4096:IoNAr4uLvrI+mAJnODVKNw==$"
     "oXEjOOPFtDHl/+ne0zFxkSOahng849hFz1xmtXjjzPI=:gunDb2unGpqO+TkFS9ISYHROLZVs1YS7TdbMgIGRCQc="},
    {"Unicode corrigendum 4",
     "f0afa1a878",
     "SCRAM-SHA-256$4096:Pnfc55enQDOGSp28rfmY+g==$"
     "m2FcHcLhh7RWd+IheE0TE2WucYlfq9I8lrMvu7nAHeQ=:LdMo18/mXzQg6xhQUe0HRvZ0W/8ZBo1IZUyTDyD/LFQ="},
    {"Hangul composes",
     "e18492e185a1e186ab",
     "SCRAM-SHA-256$4096:reNdj7yBX0wcSUOiVPIKpw==$"
     "+4+KECkGJDbQKU20AgudQBdXoME6rG21U0/f6W1NqQY=:0CG+DMzRKOFNn1yEsHe3kAEs0W9BxJBxrGAWFuoirHI="},
    {"two combining marks are reordered",
     "61cc81cca3",
     "SCRAM-SHA-256$4096:d6L5dHEAQf0Q17BzdZ07Ig==$"
     "of8qdnayjrNX43blPatsm1q8UC4ry7UjLz6xyY/LP8Y=:yFTyBRMkUPok1BoRv7hFWPHYQVWzOFXuwDqFI49iH/Q="},
    {"512 bytes",
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9"
     "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9",
     "SCRAM-SHA-256$4096:RZf8rVrVS6D8Yxtw0IByfA==$"
     "/oKp2rrOHB959+GxnmEjOu/zEcjJ3i8UCX/LH7q6S8k=:5cc4YXFoJ0PTYGFXOzbWlpRV2kL56/5ToYa0agko7Wk="},
    {"500 bytes of ligatures",
     "efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81ef"
     "ac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac"
     "81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81"
     "efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81ef"
     "ac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac"
     "81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81"
     "efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81ef"
     "ac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac"
     "81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81"
     "efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81ef"
     "ac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac"
     "81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81efac81"
     "efac81efac81efac81efac81efac81efac817879",
     "SCRAM-SHA-256$4096:+m4ohlrzFQyg3enktR0ocQ==$"
     "27IUWKql1L2+WWoBHFFA4xAg5SGh0F823Qbpi4ZJs0g=:vbe2p5bViJdVKNyXgEIh9V8cTSHsVjWMQ09xa3cYWwM="},
    {"invalid UTF-8",
     "6162ff6364",
     "SCRAM-SHA-256$4096:ZT8yLiwB+2y6zqplY4jdOA==$"
     "psEntzdNOxycpLR6a0VvLa6VxT0R0iLQKYeEaPTDOlM=:hZD4mp1EDobaca8cscehYG0GJ+PaOyjk0fIh3TNPZd4="},
    {"overlong",
     "c0af78",
     "SCRAM-SHA-256$4096:HoHi1ytw6GkRXNbHbm67EA==$"
     "FybLGY//qyxpXSH/FAf+IeqU/wTrTSr1644/8Ed9jP0=:8wmvamkTwQmfvQw230uFHdM9bY++bjt1mYPR4j0CvWY="},
    {"surrogate",
     "eda080efac81",
     "SCRAM-SHA-256$4096:1XHTLzar3BGQG3+T7VpyCw==$"
     "a+cv961Ew+g8O90Kjd5UvotduvTi3EWkG1JF8twxmkQ=:Mhw2ND74Mi8lR+RJm6S9EApJoM+uddhg+WZN919dJqE="},
    {"cut sequence",
     "efac81c3",
     "SCRAM-SHA-256$4096:GJIpMqgFx/gYfT2o4tmaBA==$"
     "iVv5DSjO+7tZwhZxn0vIXmPMJV5Oo0DZeSXmx6p/50A=:91snhDuo60f7xjPaMk4apnOdrTws0HPuQHxqDNU30Pc="},
};
/* clang-format on */

#endif
