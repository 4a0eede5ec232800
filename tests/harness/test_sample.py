"""The sample account is what scripts/quickstart promises to show."""
import email
import email.policy

from lib import sample


def parsed():
    return [(folder, email.message_from_bytes(mail.raw, policy=email.policy.default))
            for folder, mails in sample.accounts().items() for mail in mails]


def test_it_has_some_sixty_messages_in_deep_folders():
    folders = sample.accounts()
    assert 55 <= sum(map(len, folders.values())) <= 75
    assert any(folder.count("/") >= 3 for folder in folders)
    assert any(other.startswith(folder + "/") for folder in folders for other in folders), "no folder with messages and children"


def test_the_same_bytes_every_time():
    assert sample.accounts() == sample.accounts()


def test_every_message_reads_back_as_it_was_written():
    written = {(mail.folder, mail.subject, mail.when): mail for mail in sample.mails()}
    assert len(written) == len(sample.mails())
    for folder, found in parsed():
        mail = next(each for each in sample.mails() if each.folder == folder and each.subject == found["Subject"]
                    and each.when == found["Date"].datetime.strftime("%Y-%m-%d %H:%M"))
        part = found.get_body(("plain", "html"))
        assert part.get_content().replace("\r\n", "\n").rstrip("\n") == mail.body.rstrip("\n")
        assert found["From"].addresses[0].display_name == mail.sender[0]
        assert [each.get_filename() for each in found.iter_attachments()] == [name for name, _, _ in mail.attachments]
        assert not found.defects


def test_every_kind_is_in_it():
    everything = sample.mails()
    assert {"iso-8859-2", "utf-8", "us-ascii", "windows-1250", "gb18030"} <= {mail.charset for mail in everything}
    assert {"7bit", "8bit", "quoted-printable", "base64"} == {mail.encoding for mail in everything}
    assert any(mail.html for mail in everything)
    assert any(not name.isascii() for mail in everything for name, _, _ in mail.attachments)
    for low, high in (("א", "ת"), ("ا", "ي"), ("一", "龥")):
        assert any(low <= character <= high for mail in everything for character in mail.body)
    assert all(len(line) <= 998 for _, mail in parsed() for line in mail.as_bytes().splitlines())


def test_a_word_of_the_tour_is_found_decoded_only():
    word = "žluťoučký"
    holding = [mail for mail in sample.mails() if word in mail.body.lower()]
    assert {mail.charset for mail in holding} >= {"utf-8", "iso-8859-2"}
    assert {mail.encoding for mail in holding} >= {"base64", "quoted-printable"}
    assert any(mail.html for mail in holding)
