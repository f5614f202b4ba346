"""A study's data as a folder in the manner of BIDS, which others can read without classmood.

    layout.py         names of files, columns with units, the sidecars
    folder.py         writing, reading and erasing participants
    checker.py        every fault of a folder by file and line
    manipulation.py   whether the scenarios evoked what they meant to, by self-report
    elan.py           export to ELAN
    scores.py         scores from elsewhere, aligned by the session's clock, beside a timeline

    STUDY/
        dataset_description.json     the study, its protocol and hash
        protocol.toml                the protocol itself
        participants.tsv  .json      who took part, without names
        events.json                  what the columns of all events files mean, with units
        checksums.sha256             of every file, as sha256sum writes and checks it
        sub-001/
            sub-001_events.tsv       what was shown and answered, by the session's clock
            sub-001_video.webm       only where protocol and participant allow it
            sub-001_features.csv     readings of the page, columns as in a timeline; times are the session's

After BIDS (Gorgolewski et al. 2016, doi:10.1038/sdata.2016.44); its validator knows no webcams, so this is no BIDS.
"""
