"""Mail: letters that wait in the database until an SMTP server has them, and the addresses that they go to."""
